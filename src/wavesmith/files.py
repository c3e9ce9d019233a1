"""Write files so that an interruption or a full disk never harms what is already there."""

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

    The suffix is kept, so that writers that go by the file's ending work on the temporary name. The content
    is on the disk before it takes the place of what was there: not even a power cut leaves half a file.

    Raises:
        WavesmithError: when the folder cannot be made or written, or the disk is full.
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
    """What helps when a file could not be used: only a full disk or quota wants room."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "make room there or choose another place" if full else "choose another place"


def sha256(path: str | Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits, read in bounded memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
