"""What is played on a kit, and Standard MIDI Files of it, written and read by hand.

A file is a row of chunks: a head with the number of ticks in a quarter note, then tracks of events, each
after so many ticks (MIDI Manufacturers Association, "Standard MIDI Files 1.0", 1996).
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from wavesmith.errors import RequestError
from wavesmith.files import replacing

PERCUSSION = 10
"""The channel that General MIDI plays drums on."""

Event = tuple[int, int, bytes]

_TICKS = 960  # in a quarter note, as many sequencers have it
_LAST_TICK = 2**28 - 1  # of what four bytes hold
_META = 0xFF
_LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}  # bytes after each status


class Hit(NamedTuple):
    """A key that is struck.

    Attributes:
        seconds: when, from the start.
        key: MIDI key, 0 to 127.
        velocity: how hard, 1 to 127.
        length: how long it is held, in seconds; one-shots sound to their end anyway.
    """

    seconds: float
    key: int
    velocity: int = 100
    length: float = 0.1


def check_hits(hits: Sequence[Hit]) -> None:
    """Refuse what cannot be played.

    Raises:
        RequestError: for times that are negative or no numbers, and for impossible keys or velocities.
    """
    for hit in hits:
        if not (0 <= hit.seconds < math.inf and 0 <= hit.length < math.inf):
            raise RequestError(
                f"A hit at {hit.seconds} s for {hit.length} s is impossible; use positive times."
            )
        if not (0 <= hit.key <= 127 and 1 <= hit.velocity <= 127):
            raise RequestError(f"Keys go from 0 to 127 and velocities from 1 to 127, unlike in {hit}.")


def write_midi(hits: Sequence[Hit], path: str | Path, *, bpm: float = 120.0) -> None:
    """Write a MIDI file of one track on the percussion channel; times are kept to 1/960 of a beat.

    Raises:
        RequestError: for impossible or very late hits, a tempo outside 4 to 1000, or a name that does not
            end in .mid.
        WavesmithError: when the file cannot be written.
    """
    check_hits(hits)
    if not 4 <= bpm <= 1000:
        raise RequestError(f"A tempo of {bpm} BPM makes no sense; use 4 to 1000.")
    if any(hit.seconds * _TICKS * bpm / 60 >= _LAST_TICK for hit in hits):
        raise RequestError("Some hits are hours away, too late for a MIDI file at this tempo.")
    if Path(path).suffix.lower() not in (".mid", ".midi"):
        raise RequestError(f"Cannot write {path}: the name of a MIDI file must end in .mid.")
    tempo = (0, b"\xff\x51\x03" + round(60e6 / bpm).to_bytes(3, "big"))
    parts, now = [], 0
    for tick, event in [tempo, *_notes(hits, bpm)]:
        parts += [_variable(tick - now), event]
        now = tick
    track = b"".join([*parts, b"\x00\xff\x2f\x00"])
    head = struct.pack(">4sI3H4sI", b"MThd", 6, 0, 1, _TICKS, b"MTrk", len(track))
    with replacing(path) as temporary:
        temporary.write_bytes(head + track)


def read_midi(path: str | Path, *, channel: int | None = PERCUSSION) -> list[Hit]:
    """Read the notes of one channel (of all for None) by time and key; changes of tempo are followed.

    Raises:
        RequestError: when the file is not there, is damaged, is no MIDI file, or counts film frames.
    """
    try:
        division, tracks = _tracks(Path(path).read_bytes())
        events = sorted(chain.from_iterable(map(_events, tracks)), key=lambda event: event[0])
        return sorted(_hits(events, division, channel), key=lambda hit: hit[:2])
    except OSError as error:
        raise RequestError(f"Cannot read {path}: {error.strerror}.") from error
    except (struct.error, LookupError, ValueError) as error:
        raise RequestError(
            f"{path} cannot be read as a MIDI file: it is damaged, or something else."
        ) from error


# Writing


def _notes(hits: Sequence[Hit], bpm: float) -> list[tuple[int, bytes]]:
    """Notes on and off by tick. A key is let go before it is struck again, as it can only be down once."""
    ticks, events, following = _TICKS * bpm / 60, [], dict[int, int]()
    for hit in sorted(hits, reverse=True):
        start = round(hit.seconds * ticks)
        end = min(
            max(start + 1, round((hit.seconds + hit.length) * ticks)), following.get(hit.key, _LAST_TICK)
        )
        if start < end:
            events.append((start, 1, bytes([0x8F + PERCUSSION, hit.key, hit.velocity])))
            events.append((end, 0, bytes([0x7F + PERCUSSION, hit.key, 64])))
        following[hit.key] = start
    return [(tick, event) for tick, _, event in sorted(events)]


def _variable(number: int) -> bytes:
    """Write seven bits a byte, all bytes but the last marked."""
    parts = [number & 127]
    while number := number >> 7:
        parts.append(number & 127 | 128)
    return bytes(reversed(parts))


# Reading


def _tracks(content: bytes) -> tuple[int, list[bytes]]:
    """Ticks in a quarter note, and the tracks."""
    name, size, _, _, division = struct.unpack(">4sI3H", content[:14])
    if name != b"MThd" or not 0 < division < 0x8000:
        raise ValueError
    tracks, at = [], 8 + size
    while at + 8 <= len(content):
        name, size = struct.unpack(">4sI", content[at : at + 8])
        if name == b"MTrk":
            tracks.append(content[at + 8 : at + 8 + size])
        at += 8 + size
    return division, tracks


def _events(track: bytes) -> Iterator[Event]:
    """Walk a track: ticks from its start, status, data. A status may be left out where it stays the same."""
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        if track[at] & 0x80:
            status, at = track[at], at + 1
        if status == _META:
            kind = track[at]
            size, at = _number(track, at + 1)
            yield tick, status << 8 | kind, track[at : at + size]
        elif status in (0xF0, 0xF7):  # for one maker's machines only
            size, at = _number(track, at)
        else:
            size = _LENGTHS[status & 0xF0]
            yield tick, status, track[at : at + size]
        at += size


def _number(track: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = track[at] & 127
    while track[at] & 128:
        at += 1
        number = number << 7 | track[at] & 127
    return number, at + 1


def _hits(events: Sequence[Event], division: int, channel: int | None) -> Iterator[Hit]:
    """Pair what is struck with what is let go; what never is lasts until the end."""
    now, tick, tempo = 0.0, 0, 0.5
    held = defaultdict[tuple[int, int], list[tuple[float, int]]](list)
    for at, status, data in events:
        now, tick = now + (at - tick) * tempo / division, at
        if status == _META << 8 | 0x51:
            tempo = int.from_bytes(data, "big") / 1e6
        elif status & 0xE0 == 0x80 and channel in (None, (status & 15) + 1):
            key, velocity = data
            down = held[status & 15, key]
            if status & 0x10 and velocity:
                down.append((now, velocity))
            elif down:
                start, velocity = down.pop(0)
                yield Hit(start, key, velocity, now - start)
    for (_, key), down in held.items():
        yield from (Hit(start, key, velocity, now - start) for start, velocity in down)
