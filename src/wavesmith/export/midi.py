"""Notes that play a kit, and Standard MIDI Files of them."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wavesmith.errors import RequestError
from wavesmith.files import replacing

if TYPE_CHECKING:  # importing mido takes a tenth of a second
    from mido import Message

PERCUSSION = 10
"""The channel of drums in General MIDI, counted from 1."""

_TICKS = 960  # in a quarter note, as in many sequencers
_LAST_TICK = 2**28 - 1  # a time in the file has at most 28 bits


class Hit(NamedTuple):
    """A note on a kit.

    Attributes:
        seconds: its time from the start.
        key: MIDI key, 0 to 127.
        velocity: 1 to 127.
        length: seconds until the key is released; one-shots play to their end anyway.
    """

    seconds: float
    key: int
    velocity: int = 100
    length: float = 0.1


def check_hits(hits: Sequence[Hit]) -> None:
    """Check that hits can be played.

    Raises:
        RequestError: for times that are negative or not finite, and for impossible keys or velocities.
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
        RequestError: for impossible or very late hits, a tempo outside 4 to 1000 BPM, or a name that does
            not end in .mid.
        WavesmithError: when the file cannot be written.
    """
    from mido import MetaMessage, MidiFile, MidiTrack, bpm2tempo

    check_hits(hits)
    if not 4 <= bpm <= 1000:
        raise RequestError(f"A tempo of {bpm} BPM makes no sense; use 4 to 1000.")
    if any(hit.seconds * _TICKS * bpm / 60 >= _LAST_TICK for hit in hits):
        raise RequestError("Some hits are hours away, too late for a MIDI file at this tempo.")
    if Path(path).suffix.lower() not in (".mid", ".midi"):
        raise RequestError(f"Cannot write {path}: the name of a MIDI file must end in .mid.")
    track, now = MidiTrack([MetaMessage("set_tempo", tempo=bpm2tempo(bpm))]), 0
    for tick, message in _messages(hits, bpm):
        track.append(message.copy(time=tick - now))
        now = tick
    memory = io.BytesIO()
    MidiFile(type=0, ticks_per_beat=_TICKS, tracks=[track]).save(file=memory)
    with replacing(path) as temporary:
        temporary.write_bytes(memory.getvalue())


def read_midi(path: str | Path, *, channel: int | None = PERCUSSION) -> list[Hit]:
    """Read the notes of one channel (of all for None), sorted by time and key; tempo changes are followed.

    Raises:
        RequestError: when the file is missing, damaged, no MIDI file, or its times are film frames.
    """
    from mido import MidiFile
    from mido.midifiles.meta import KeySignatureError

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RequestError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        file = MidiFile(file=io.BytesIO(content))
        if file.ticks_per_beat <= 0:
            raise ValueError("its times are film frames")
        return sorted(_hits(file, channel), key=lambda hit: hit[:2])
    except (OSError, EOFError, ValueError, TypeError, LookupError, KeySignatureError) as error:
        raise RequestError(
            f"{path} cannot be read as a MIDI file; it is damaged, or another kind of file."
        ) from error


def _messages(hits: Sequence[Hit], bpm: float) -> list[tuple[int, Message]]:
    """Return notes on and off with their ticks; a key is released before it is struck again."""
    from mido import Message

    ticks, events, next_start = _TICKS * bpm / 60, [], dict[int, int]()
    for hit in sorted(hits, reverse=True):
        start = round(hit.seconds * ticks)
        end = max(start + 1, round((hit.seconds + hit.length) * ticks))
        end = min(end, next_start.get(hit.key, _LAST_TICK))
        if start < end:
            note = {"channel": PERCUSSION - 1, "note": hit.key}
            events.append((start, 1, Message("note_on", velocity=hit.velocity, **note)))
            events.append((end, 0, Message("note_off", **note)))
        next_start[hit.key] = start
    return [(tick, message) for tick, _, message in sorted(events, key=lambda event: event[:2])]


def _hits(messages: Iterable[Message], channel: int | None) -> Iterator[Hit]:
    """Pair notes on and off; a note without its off lasts until the end."""
    now = 0.0
    held = defaultdict[tuple[int, int], list[tuple[float, int]]](list)
    for message in messages:
        now += message.time
        if message.type not in ("note_on", "note_off") or channel not in (None, message.channel + 1):
            continue
        starts = held[message.channel, message.note]
        if message.type == "note_on" and message.velocity:
            starts.append((now, message.velocity))
        elif starts:
            start, velocity = starts.pop(0)
            yield Hit(start, message.note, velocity, now - start)
    for (_, key), starts in held.items():
        yield from (Hit(start, key, velocity, now - start) for start, velocity in starts)
