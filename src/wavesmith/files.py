"""Atomic replacement of files: an interruption or a full disk leaves the previous content."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wavesmith.errors import WavesmithError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it becomes `path`, on failure it is removed.

    The suffix is kept for writers that choose a format by it. The content is flushed to the disk before it
    replaces the previous file: not even a power cut leaves half a file.

    Raises:
        WavesmithError: when the folder cannot be created or written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WavesmithError(f"Cannot write {path} ({reason}); {remedy(error)}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remedy(error: OSError) -> str:
    """Return advice for an error of the disk: free space if it is full, another path otherwise."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "make room there or choose another place" if full else "choose another place"


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, in bounded memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
