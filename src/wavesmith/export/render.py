"""Rendering of an SFZ instrument: for previews, and to check written kits without a sampler.

It follows https://sfzformat.com and has the opcodes of drum kits: headers and inheritance, default_path, keys
by number or name, velocities, round robin (seq_*), choke groups (group, off_by), volume, pan, amp_veltrack,
loop modes and pitch. Other opcodes are ignored; includes and defines are refused. It shares no code with the
writer of SFZ files.
"""

from __future__ import annotations

import math
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from wavesmith.audio_file import MOST_SAMPLES
from wavesmith.errors import RequestError
from wavesmith.export.midi import Hit, check_hits
from wavesmith.sound import Sound

Samples = NDArray[np.float32]

FADE_SECONDS = 0.005
"""Duration of the fade-out of a sound that another cuts off or whose key is released."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_WORD = re.compile(r"<(\w+)>|(\w+)=([^\n<]*?)(?=\s+\w+=|\s*<|\s*\n|\s*\Z)")
_LEVELS = ("global", "master", "group", "region")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "": 0, "#": 1}


class Region(NamedTuple):
    """Conditions under which a sample plays; names and units are those of SFZ."""

    sample: Path
    lokey: int
    hikey: int
    lovel: int
    hivel: int
    seq_length: int
    seq_position: int
    group: int
    off_by: int | None
    volume: float
    pan: float
    amp_veltrack: float
    pitch_keycenter: int
    pitch_keytrack: float
    tune: float
    loop_mode: str
    loop: tuple[int, int] | None


@dataclass(frozen=True)
class Instrument:
    """Regions of an SFZ file in its order, and their sounds by path."""

    regions: tuple[Region, ...]
    sounds: Mapping[Path, Sound]


@dataclass
class _Voice:
    """A region that a hit plays, and the time of its cut-off in seconds from the start."""

    region: Region
    hit: Hit
    cut: float


def read_sfz(path: str | Path) -> Instrument:
    """Read an SFZ file and its sounds.

    Raises:
        RequestError: when the file cannot be read, has no regions, a value that is no number, or includes
            or defines.
        AudioError: when a sound is missing or damaged.
    """
    path = Path(path)
    try:
        text = _COMMENT.sub("", path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise RequestError(f"Cannot read {path}: {error.strerror}.") from error
    if re.search(r"^\s*#(include|define)\b", text, re.M):
        raise RequestError(f"{path} has #include or #define, which wavesmith does not follow.")
    try:
        regions = tuple(_region(opcodes, path.parent) for opcodes in _regions(text))
    except ValueError as error:
        raise RequestError(f"{path} has an invalid value: {error}.") from error
    if not regions:
        raise RequestError(f"{path} has no regions that play a sample.")
    return Instrument(regions, {region.sample: Sound.read(region.sample) for region in regions})


def render(
    instrument: Instrument, hits: Sequence[Hit], *, rate: int | None = None, seconds: float | None = None
) -> Sound:
    """Render hits as a stereo sound of `seconds`, or until all sounds have ended.

    At full velocity a centred sample plays unchanged; pan keeps the power. The default rate is the highest of
    the samples. A region's round robin advances with every hit of its keys at any velocity. The sum of many
    hits may exceed full scale: use `normalise`.

    Raises:
        RequestError: for impossible hits, nothing to play, or more than `MOST_SAMPLES`.
    """
    check_hits(hits)
    rate = rate or max(sound.rate for sound in instrument.sounds.values())
    if not hits and not seconds:
        raise RequestError("There are no hits to play; give some, or say how many seconds of silence.")
    voices = _voices(instrument, hits)
    ends = [round(v.hit.seconds * rate) + math.ceil(_duration(v, instrument) * rate - 1e-3) for v in voices]
    ends += [round((hit.seconds + hit.length) * rate) for hit in hits]
    frames = round(seconds * rate) if seconds else max(1, *ends)
    if not 1 <= 2 * frames <= MOST_SAMPLES:
        raise RequestError(f"Cannot play {frames / rate:g} s at once; play less.")
    mix = np.zeros((2, frames))
    for voice in voices:
        part = _play(voice, instrument, rate)
        room = mix[:, round(voice.hit.seconds * rate) :][:, : part.shape[1]]
        room += part[:, : room.shape[1]]
    return Sound(mix.astype(np.float32), rate)


# Reading


def _regions(text: str) -> Iterator[ChainMap[str, str]]:
    """Opcodes of each region, with those that it inherits."""
    levels: dict[str, dict[str, str]] = {level: {} for level in _LEVELS}
    control: dict[str, str] = {}
    regions, current = [], dict[str, str]()
    for header, name, value in _WORD.findall(text):
        if header in _LEVELS:
            levels |= {level: {} for level in _LEVELS[_LEVELS.index(header) :]}
            current = levels[header]
            if header == "region":
                regions.append(ChainMap(*(levels[level] for level in reversed(_LEVELS)), dict(control)))
        elif header:
            current = control if header == "control" else {}
        else:
            current |= dict.fromkeys(("lokey", "hikey", "pitch_keycenter"), value) if name == "key" else {}
            current[name] = value
    for region in regions:
        if region.get("sample", "*")[0] != "*" and region.get("trigger", "attack") == "attack":
            yield region


def _region(opcodes: Mapping[str, str], folder: Path) -> Region:
    sample = folder / (opcodes.get("default_path", "") + opcodes["sample"]).replace("\\", "/")
    inside = Sound.read_instrument(sample)
    loop = inside.loop if inside else None
    if "loop_start" in opcodes or "loop_end" in opcodes:
        start, end = loop or (0, 2**31)
        loop = int(opcodes.get("loop_start", start)), int(opcodes.get("loop_end", end - 1)) + 1
    off_by = opcodes.get("off_by")
    return Region(
        sample=sample,
        lokey=_key(opcodes.get("lokey", "0")),
        hikey=_key(opcodes.get("hikey", "127")),
        lovel=int(opcodes.get("lovel", 0)),
        hivel=int(opcodes.get("hivel", 127)),
        seq_length=max(1, int(opcodes.get("seq_length", 1))),
        seq_position=int(opcodes.get("seq_position", 1)),
        group=int(opcodes.get("group", 0)),
        off_by=None if off_by is None else int(off_by),
        volume=float(opcodes.get("volume", 0)),
        pan=float(opcodes.get("pan", 0)),
        amp_veltrack=float(opcodes.get("amp_veltrack", 100)),
        pitch_keycenter=_key(opcodes.get("pitch_keycenter", "60")),
        pitch_keytrack=float(opcodes.get("pitch_keytrack", 100)),
        tune=float(opcodes.get("tune", 0)) + 100 * float(opcodes.get("transpose", 0)),
        loop_mode=opcodes.get("loop_mode", "loop_continuous" if loop else "no_loop"),
        loop=loop,
    )


def _key(text: str) -> int:
    """Parse a key: a number, or a name with middle C as c4."""
    name = re.fullmatch(r"([a-g])([#b]?)(-?\d+)", text.lower())
    if not name:
        return int(text)
    step = _STEPS[name[1]] + (-1 if name[2] == "b" else _STEPS[name[2]])
    return 12 * (int(name[3]) + 1) + step


# Playing


def _voices(instrument: Instrument, hits: Sequence[Hit]) -> list[_Voice]:
    """Return the voices in order of time, with their cut-offs."""
    turns = dict.fromkeys(range(len(instrument.regions)), 0)
    voices: list[_Voice] = []
    for hit in sorted(hits, key=lambda hit: hit.seconds):
        started = []
        for number, region in enumerate(instrument.regions):
            if region.lokey <= hit.key <= region.hikey:
                turn = turns[number] % region.seq_length + 1
                turns[number] += 1
                if turn == region.seq_position and region.lovel <= hit.velocity <= region.hivel:
                    held = math.inf if region.loop_mode == "one_shot" else hit.seconds + hit.length
                    started.append(_Voice(region, hit, held))
        groups = {voice.region.group for voice in started}
        for voice in voices:
            if voice.region.off_by in groups:
                voice.cut = min(voice.cut, hit.seconds)
        voices += started
    return voices


def _source_rate(voice: _Voice, instrument: Instrument) -> float:
    """Return the rate at which the sample is read for the voice's key, in frames per second."""
    region = voice.region
    cents = region.pitch_keytrack * (voice.hit.key - region.pitch_keycenter) + region.tune
    return float(instrument.sounds[region.sample].rate * 2 ** (cents / 1200))


def _duration(voice: _Voice, instrument: Instrument) -> float:
    """Return the duration of a voice in seconds."""
    cut = voice.cut - voice.hit.seconds + FADE_SECONDS
    if _loop(voice.region):
        return cut
    return min(cut, instrument.sounds[voice.region.sample].frames / _source_rate(voice, instrument))


def _loop(region: Region) -> tuple[int, int] | None:
    """Return the loop of a region, if its loop mode uses it."""
    return region.loop if region.loop_mode.startswith("loop_") else None


def _play(voice: _Voice, instrument: Instrument, rate: int) -> Samples:
    """Render a voice as samples `[2, frames]`, with its level, pan and end."""
    region, hit, source_rate = voice.region, voice.hit, _source_rate(voice, instrument)
    duration = _duration(voice, instrument)
    if not 2 * duration * max(rate, source_rate) <= MOST_SAMPLES:
        raise RequestError(f"{region.sample} lasts too long at key {hit.key}; play less.")
    samples = instrument.sounds[region.sample].stereo().samples
    if loop := _loop(region):
        samples = _looped(samples, loop, math.ceil(duration * source_rate))
    if source_rate != rate:
        samples = soxr.resample(samples.T, source_rate, rate, quality="HQ").T
    if voice.cut < math.inf:
        samples = _cut(samples, round((voice.cut - hit.seconds) * rate), round(FADE_SECONDS * rate))
    angle = (region.pan + 100) / 400 * math.pi
    sides = np.array([[math.cos(angle)], [math.sin(angle)]]) * math.sqrt(2)
    played: Samples = samples * (sides * _level(region, hit)).astype(np.float32)
    return played


def _level(region: Region, hit: Hit) -> float:
    """Return the gain by volume and velocity: amp_veltrack scales SFZ's square curve."""
    loss = abs(region.amp_veltrack) / 100 * (1 - (hit.velocity / 127) ** 2)
    return float(10 ** (region.volume / 20) * (1 - loss if region.amp_veltrack >= 0 else loss))


def _looped(samples: Samples, loop: tuple[int, int], wanted: float) -> Samples:
    """Repeat the loop up to `wanted` frames; frames after the loop are dropped."""
    start, end = loop[0], min(loop[1], samples.shape[1])
    if not 0 <= start < end or not wanted < MOST_SAMPLES:
        raise RequestError(
            f"Cannot repeat frames {loop[0]} to {loop[1]} of {samples.shape[1]} for that long."
        )
    frames = np.arange(math.ceil(wanted))
    repeated: Samples = samples[:, np.where(frames < end, frames, start + (frames - start) % (end - start))]
    return repeated


def _cut(samples: Samples, at: int, fade: int) -> Samples:
    """Cut at a frame, with a linear fade from there."""
    part = samples[:, : at + fade].copy()
    part[:, at:] *= np.linspace(1, 0, fade, endpoint=False, dtype=np.float32)[: max(0, part.shape[1] - at)]
    return part
