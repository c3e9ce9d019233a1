"""What libsndfile does not do: WAV comments of any length, no time stamps, and noticing a file cut short.

A WAV file is a RIFF file: after 12 bytes of header come chunks, each a four-letter name, a little-endian
32-bit size and that many bytes, padded to an even count. Text goes into the standard `LIST` chunk of type
`INFO`, as an `ICMT` (comment) entry, which players ignore. libsndfile forgets a comment of more than a few
thousand bytes, so it is written and read here. (Microsoft and IBM, "Multimedia Programming Interface and
Data Specifications 1.0", 1991.) An AIFF file is the same with `FORM` for `RIFF` and big-endian sizes (Apple,
"Audio Interchange File Format", 1989); an OGG file is a row of pages, the last of which says so (RFC 3533).
Functions take a file opened in binary mode and leave its position anywhere.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_FORMS = {b"RIFFWAVE": "<", b"FORMAIFF": ">", b"FORMAIFC": ">"}  # byte orders, as struct calls them
_LONGEST_INFO = 1 << 24
_STREAMED = 0x7FFF0000  # programs that write to a pipe cannot know the size and claim this much or more


class Chunk(NamedTuple):
    """One chunk: its name, where its content starts and how many bytes it says it has."""

    name: bytes
    start: int
    size: int


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk the chunks of a WAV or AIFF file; none for any other file."""
    file.seek(0)
    header = file.read(12)
    if order := _FORMS.get(header[:4] + header[8:]):
        yield from _walk(file, 12, _length(file), order)


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


def missing(file: BinaryIO) -> str:
    """Words for what a WAV, AIFF or OGG file announces but does not have; empty if it is whole."""
    sound = (chunk for chunk in chunks(file) if chunk.name in (b"data", b"SSND") and chunk.size < _STREAMED)
    count = max((chunk.start + chunk.size - _length(file) for chunk in sound), default=0)
    if count > 0:
        return f"{count} bytes of its sound"
    ended, end = [(True, 0), *_pages(file)][-1]
    return "" if ended and end <= _length(file) else "the end of its sound"


def _pages(file: BinaryIO) -> Iterator[tuple[bool, int]]:
    """Walk the pages of an OGG file: whether each says that it is the last, and where it ends."""
    end = 0
    while True:
        file.seek(end)
        header = file.read(27)
        if len(header) < 27 or header[:4] != b"OggS":
            return
        end += 27 + header[26] + sum(file.read(header[26]))
        yield bool(header[5] & 4), end


def _walk(file: BinaryIO, start: int, end: int, order: str = "<") -> Iterator[Chunk]:
    while start + 8 <= end:
        file.seek(start)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        yield Chunk(name, start + 8, size)
        start += 8 + size + size % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def _patch(file: BinaryIO, start: int, value: int) -> None:
    file.seek(start)
    file.write(struct.pack("<I", value))


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
