"""Parts of sound files that libsndfile does not handle.

These are WAV comments of any length, the key, loop and markers for samplers, the removal of time stamps, and
the detection of files that are cut short.

A WAV file is a RIFF file: after 12 bytes of header come chunks, each a four-letter name, a little-endian
32-bit size and that many bytes, padded to an even count. Text goes into the standard `LIST` chunk of type
`INFO`, as an `ICMT` (comment) entry, which players ignore. libsndfile forgets a comment of more than a few
thousand bytes, so it is written and read here. (Microsoft and IBM, "Multimedia Programming Interface and
Data Specifications 1.0", 1991.) Hardware and software samplers read the chunks `smpl` (key and loop), `cue `
(markers) and `inst` (velocities) (Microsoft, "New Multimedia Data Types and Data Techniques 3.0", 1994). An
AIFF file is the same with `FORM` for `RIFF` and big-endian sizes (Apple, "Audio Interchange File Format",
1989); an OGG file is a sequence of pages, the last of which is marked (RFC 3533).

Functions take a file opened in binary mode and leave its position anywhere.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_FORMS = {b"RIFFWAVE": "<", b"FORMAIFF": ">", b"FORMAIFC": ">"}  # byte orders, as struct calls them
_LONGEST_INFO = 1 << 24
_MOST_CUES = 10_000
_STREAMED = 0x7FFF0000  # programs that write to a pipe do not know the size and declare this or more


class Chunk(NamedTuple):
    """One chunk: its name, the position of its content and the number of bytes that it declares."""

    name: bytes
    start: int
    size: int


class InstrumentTags(NamedTuple):
    """Key, loop, markers and velocities that a WAV file gives to the instrument (a sampler) that plays it.

    Attributes:
        note: the key (MIDI, 0 to 127; 60 is middle C) that plays the sound at its own pitch.
        loop: the first frame of the part that repeats and the frame after its last; None for a one-shot.
        cues: frames with markers, such as the beats of a loop.
        velocities: the lowest and highest velocity (1 to 127) that play this sound, on that key alone.
    """

    note: int = 60
    loop: tuple[int, int] | None = None
    cues: tuple[int, ...] = ()
    velocities: tuple[int, int] | None = None


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
    """Append a comment to a complete WAV file; its other content is unchanged."""
    _append(file, _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", text.encode("utf-8") + b"\0")))


def read_instrument(file: BinaryIO) -> InstrumentTags | None:
    """Read the instrument tags of a WAV file, None if it has none; impossible values are left out."""
    read, present = InstrumentTags(), False
    for chunk in chunks(file):
        file.seek(chunk.start)
        if chunk.name == b"smpl" and len(content := file.read(min(chunk.size, 60))) >= 36:
            read = read._replace(note=min(_numbers(content)[3], 127), loop=_first_loop(content))
        elif chunk.name == b"cue ":
            points = file.read(min(chunk.size, 4 + 24 * _MOST_CUES))[4:]
            read = read._replace(cues=_numbers(points[: len(points) // 24 * 24])[5::6])
        elif chunk.name == b"inst" and len(content := file.read(min(chunk.size, 7))) == 7:
            low, high = content[5:]
            read = read._replace(velocities=(low, high) if 1 <= low <= high <= 127 else None)
        else:
            continue
        present = True
    return read if present else None


def write_instrument(file: BinaryIO, instrument: InstrumentTags, rate: int) -> None:
    """Append instrument tags to a complete WAV file of that rate; its other content is unchanged."""
    note, loop, cues, velocities = instrument
    nanoseconds = round(1e9 / rate)
    numbers = [0, 0, nanoseconds, note, 0, 0, 0, int(loop is not None), 0]
    if loop:
        numbers += [0, 0, loop[0], loop[1] - 1, 0, 0]  # endless, forwards; the end is the last frame
    _append(file, _chunk(b"smpl", struct.pack(f"<{len(numbers)}I", *numbers)))
    if cues:
        points = [struct.pack("<2I4s3I", k, cue, b"data", 0, 0, cue) for k, cue in enumerate(cues, 1)]
        _append(file, _chunk(b"cue ", struct.pack("<I", len(cues)) + b"".join(points)))
    if velocities:
        _append(file, _chunk(b"inst", struct.pack("<B2b4B", note, 0, 0, note, note, *velocities)))


def clear_time_stamp(file: BinaryIO) -> None:
    """Set the time stamp of float WAV files to zero, so that equal sounds give equal files."""
    for chunk in chunks(file):
        if chunk.name == b"PEAK":
            _patch(file, chunk.start + 4, 0)


def missing(file: BinaryIO) -> str:
    """Describe the declared part of a WAV, AIFF or OGG file that is missing; empty if it is complete."""
    sound = (chunk for chunk in chunks(file) if chunk.name in (b"data", b"SSND") and chunk.size < _STREAMED)
    count = max((chunk.start + chunk.size - _length(file) for chunk in sound), default=0)
    if count > 0:
        return f"{count} bytes of its sound"
    ended, end = [(True, 0), *_pages(file)][-1]
    return "" if ended and end <= _length(file) else "the end of its sound"


def _pages(file: BinaryIO) -> Iterator[tuple[bool, int]]:
    """Walk the pages of an OGG file: whether each is marked as the last, and the position of its end."""
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


def _append(file: BinaryIO, chunk: bytes) -> None:
    file.seek(_length(file))
    file.write(chunk)
    _patch(file, 4, file.tell() - 8)


def _numbers(content: bytes) -> tuple[int, ...]:
    """Unpack the complete 32-bit integers of a chunk."""
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])


def _first_loop(content: bytes) -> tuple[int, int] | None:
    """Return the first loop of a `smpl` chunk; None without one that is not empty."""
    numbers = _numbers(content)
    if len(numbers) < 15 or not numbers[7] or numbers[11] > numbers[12]:
        return None
    return numbers[11], numbers[12] + 1


def _patch(file: BinaryIO, start: int, value: int) -> None:
    file.seek(start)
    file.write(struct.pack("<I", value))


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
