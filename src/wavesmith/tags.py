"""What libsndfile does not do for WAV files: comments of any length, honest sizes, no time stamps.

A WAV file is a RIFF file: after 12 bytes of header come chunks, each a four-letter name, a little-endian
32-bit size and that many bytes, padded to an even count. Text goes into the standard `LIST` chunk of type
`INFO`, as an `ICMT` (comment) entry, which players ignore. libsndfile forgets a comment of more than a few
thousand bytes, so it is written and read here. (Microsoft and IBM, "Multimedia Programming Interface and
Data Specifications 1.0", 1991.) Functions take a file opened in binary mode and leave its position anywhere.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_LONGEST_INFO = 1 << 24
_STREAMED = 0x7FFF0000  # programs that write to a pipe cannot know the size and claim this much or more


class Chunk(NamedTuple):
    """One chunk: its name, where its content starts and how many bytes it says it has."""

    name: bytes
    start: int
    size: int


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk the chunks of a WAV file; none for any other file."""
    file.seek(0)
    header = file.read(12)
    if header[:4] == b"RIFF" and header[8:] == b"WAVE":
        yield from _walk(file, 12, _length(file))


def read_comment(file: BinaryIO) -> str | None:
    """Read the comment of a WAV file (the last if there are several), None without one."""
    comment = None
    for chunk in chunks(file):
        file.seek(chunk.start)
        if chunk.name == b"LIST" and chunk.size <= _LONGEST_INFO and file.read(4) == b"INFO":
            end = min(chunk.start + chunk.size, _length(file))
            for entry in _walk(file, chunk.start + 4, end):
                if entry.name == b"ICMT":
                    file.seek(entry.start)
                    comment = file.read(entry.size).rstrip(b"\0").decode("utf-8", "replace")
    return comment


def write_comment(file: BinaryIO, text: str) -> None:
    """Append a comment to a complete WAV file; everything that is there stays as it is."""
    entry = _chunk(b"ICMT", text.encode("utf-8") + b"\0")
    file.seek(_length(file))
    file.write(_chunk(b"LIST", b"INFO" + entry))
    _patch(file, 4, file.tell() - 8)


def clear_time_stamp(file: BinaryIO) -> None:
    """Zero the time that libsndfile puts into float WAV files, so that equal sounds make equal files."""
    for chunk in chunks(file):
        if chunk.name == b"PEAK":
            _patch(file, chunk.start + 4, 0)


def missing_bytes(file: BinaryIO) -> int:
    """Count the bytes of sound that a WAV file announces but does not have; 0 if it is whole."""
    sound = (chunk for chunk in chunks(file) if chunk.name == b"data" and chunk.size < _STREAMED)
    return max((max(0, chunk.start + chunk.size - _length(file)) for chunk in sound), default=0)


def _walk(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    while start + 8 <= end:
        file.seek(start)
        name, size = struct.unpack("<4sI", file.read(8))
        yield Chunk(name, start + 8, size)
        start += 8 + size + size % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def _patch(file: BinaryIO, start: int, value: int) -> None:
    file.seek(start)
    file.write(struct.pack("<I", value))


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
