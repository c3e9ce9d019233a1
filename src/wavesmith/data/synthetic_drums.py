"""A procedural drum machine: endless one-shots from formulas and a seed, without any recording (CC0 1.0).

`drum(label, seed)` draws a voice of that label and its parameters and computes the sound; the same seed gives
the same sound. Sources are what drums are made of: modes at the ratios of membranes, bars, plates and bells
(Fletcher & Rossing, "The Physics of Musical Instruments"), swept sines and saturation as drum machines have
them, and filtered noise with an envelope (PhISEM for what is shaken: Cook 1997).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavesmith.errors import RequestError, unknown

Floats = NDArray[np.float64]
Draw = np.random.Generator

RATE = 44_100
LONGEST = 1.5  # seconds
PEAK = 10 ** (-1 / 20)
RATIOS = {
    "membrane": (1, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.6, 4.06),
    "kettle": (1, 1.504, 1.993, 2.44, 2.89, 3.35),
    "bar": (1, 2.756, 5.404, 8.933, 13.34),
    "marimba": (1, 3.93, 9.23, 16.3),
    "plate": (1, 1.73, 2.33, 3.91, 4.11, 6.3, 6.71, 8.2, 9.4),
    "bell": (0.5, 1, 1.2, 1.5, 2, 2.5, 2.67, 3, 4, 5.3),
    "block": (1, 1.42, 2.11, 2.97, 4.2),
    "cowbell": (1, 1.48, 2.1, 3.3, 4.4),
}


class Drum(NamedTuple):
    """A synthetic one-shot.

    Attributes:
        samples: `[2, N]`, peak -1 dBFS.
        label: what it is.
        voice: which recipe made it.
        pitch: Hz of its lowest mode; None for noise.
    """

    samples: NDArray[np.float32]
    label: str
    voice: str
    pitch: float | None


def drum(label: str, seed: int) -> Drum:
    """One sound of a label in `LABELS`.

    Raises:
        RequestError: for a label that it does not know.
    """
    if label not in VOICES:
        raise RequestError(unknown("label", label, LABELS))
    draw = np.random.default_rng([seed, sorted(VOICES).index(label)])
    voices = VOICES[label]
    voice = voices[int(draw.integers(len(voices)))]
    wave, pitch = voice(draw)
    return Drum(_finished(draw, wave), label, voice.__name__.strip("_"), pitch)


# what voices are made of


def _between(draw: Draw, low: float, high: float) -> float:
    return float(draw.uniform(low, high))


def _about(draw: Draw, low: float, high: float) -> float:
    """Even on a logarithmic scale: right for frequencies and times."""
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def _time(seconds: float) -> Floats:
    return np.arange(max(64, round(min(seconds, LONGEST) * RATE))) / RATE


def _falling(time: Floats, t60: float, hold: float = 0.0) -> Floats:
    return np.exp(-6.908 * np.maximum(time - hold, 0) / t60)


def _sine(frequency: Floats, phase: float = 0.0) -> Floats:
    return np.sin(phase + 2 * np.pi * np.cumsum(frequency) / RATE)


def _swept(time: Floats, end: float, ratio: float, tau: float) -> Floats:
    return end * (1 + (ratio - 1) * np.exp(-time / tau))


def _ringing(
    draw: Draw,
    time: Floats,
    pitch: float,
    kind: str,
    t60: float,
    tilt: float,
    damping: float,
    bend: float = 1.0,
) -> Floats:
    """Modes: higher ones weaker by `tilt` and shorter by `damping`; all begin `bend` times as high."""
    out = np.zeros_like(time)
    for number, ratio in enumerate(RATIOS[kind]):
        frequency = pitch * ratio * float(np.exp(0.005 * draw.standard_normal()))
        if frequency < 18_000:
            gain = _between(draw, 0.4, 1) / (1 + number) ** tilt
            curve = _swept(time, frequency, bend, 0.03)
            out += gain * _sine(curve, _between(draw, 0, 0.7)) * _falling(time, t60 / ratio**damping)
    return out


def _noise(draw: Draw, time: Floats, low: float, high: float, slope: float = 2.0) -> Floats:
    """Noise that falls by `slope` times 6 dB an octave below and above a band."""
    spectrum = np.fft.rfft(draw.standard_normal(len(time)))
    frequency = np.maximum(np.fft.rfftfreq(len(time), 1 / RATE), 1)
    gain = 1 / np.sqrt(1 + (low / frequency) ** (2 * slope)) / np.sqrt(1 + (frequency / high) ** (2 * slope))
    out = np.fft.irfft(spectrum * gain, len(time))
    return out / max(float(np.std(out)), 1e-9) * 0.3


def _click(draw: Draw, time: Floats, milliseconds: float, low: float, high: float) -> Floats:
    return _noise(draw, time, low, high) * _falling(time, milliseconds / 1000 * 3)


def _driven(wave: Floats, amount: float) -> Floats:
    return np.tanh(amount * wave / max(float(np.abs(wave).max()), 1e-9))


def _metal(draw: Draw, time: Floats, scale: float) -> Floats:
    """Many partials without order: six squares, as drum machines have them, or a cloud of modes."""
    if draw.random() < 0.5:
        base = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0]) * scale
        base = base * np.exp(0.08 * draw.standard_normal(6))
        partials = np.concatenate([f * np.arange(1, 40, 2) for f in base])
        gains = np.concatenate([1 / np.arange(1, 40, 2)] * 6)
    else:
        partials = np.sort(np.exp(draw.uniform(np.log(400 * scale), np.log(16_000), 90)))
        gains = np.exp(0.8 * draw.standard_normal(90))
    kept = partials < 19_000
    phases = draw.uniform(0, 2 * np.pi, len(partials))
    out = np.zeros_like(time)
    for frequency, gain, phase in zip(partials[kept], gains[kept], phases[kept], strict=True):
        out += gain * np.sin(phase + 2 * np.pi * frequency * time)
    spectrum = np.fft.rfft(out)
    frequency = np.maximum(np.fft.rfftfreq(len(time), 1 / RATE), 1)
    out = np.fft.irfft(spectrum / np.sqrt(1 + (_about(draw, 2500, 8000) / frequency) ** 6), len(time))
    return out / max(float(np.std(out)), 1e-9) * 0.3


def _finished(draw: Draw, wave: Floats) -> NDArray[np.float32]:
    """Cut what is silent, faded, sometimes a little wide, at a peak of -1 dBFS."""
    loud = np.flatnonzero(np.abs(wave) > 1e-3 * np.abs(wave).max())
    wave = wave[: min(len(wave), int(loud[-1]) + 1)].copy() if len(loud) else wave[:64].copy()
    wave[-min(256, len(wave)) :] *= np.linspace(1, 0, min(256, len(wave)))
    both = np.stack([wave, wave])
    if draw.random() < 0.25:
        room = draw.standard_normal((2, min(len(wave), 6000))) * _falling(
            np.arange(min(len(wave), 6000)) / RATE, 0.12
        )
        size = 2 * len(wave)
        wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(room, size, axis=1), size, axis=1)
        both = (
            both / np.abs(wave).max() + _between(draw, 0.05, 0.25) * wet[:, : len(wave)] / np.abs(wet).max()
        )
    return (both * (PEAK / max(float(np.abs(both).max()), 1e-9))).astype(np.float32)


# voices: draw -> (wave, pitch)

Voice = Callable[[Draw], tuple[Floats, float | None]]


def _swept_kick(draw: Draw) -> tuple[Floats, float | None]:
    pitch, t60 = _about(draw, 38, 75), _about(draw, 0.2, 1.4)
    time = _time(t60)
    curve = _swept(time, pitch, _about(draw, 1.5, 8), _about(draw, 0.005, 0.04))
    curve *= 1 + _between(draw, 0, 0.6) * np.exp(-time / _about(draw, 0.04, 0.2))
    wave = _sine(curve) * _falling(time, t60, _between(draw, 0, 0.06))
    wave += _between(draw, 0, 0.4) * _click(draw, time, _about(draw, 1, 6), 800, _about(draw, 2000, 9000))
    return (_driven(wave, _about(draw, 0.8, 6)) if draw.random() < 0.5 else wave), pitch


def _skin_kick(draw: Draw) -> tuple[Floats, float | None]:
    pitch, t60 = _about(draw, 45, 80), _about(draw, 0.15, 0.6)
    time = _time(1.3 * t60)
    wave = _ringing(
        draw, time, pitch, "membrane", t60, _between(draw, 1.3, 2.2), 1.0, _between(draw, 1.1, 1.7)
    )
    wave += _between(draw, 0.1, 0.6) * _click(draw, time, _about(draw, 2, 6), 1000, _about(draw, 2500, 6000))
    return wave + _between(draw, 0.02, 0.15) * _noise(draw, time, 100, 700) * _falling(time, 0.6 * t60), pitch


def _snare(draw: Draw) -> tuple[Floats, float | None]:
    pitch, t60, rattle = _about(draw, 140, 320), _about(draw, 0.08, 0.35), _about(draw, 0.1, 0.5)
    time = _time(1.2 * max(t60, rattle))
    body = _ringing(draw, time, pitch, "membrane", t60, _between(draw, 0.8, 2), 0.8, _between(draw, 1, 1.3))
    wires = _noise(draw, time, _about(draw, 400, 2500), _about(draw, 5000, 15_000)) * _falling(time, rattle)
    wave = body * _between(draw, 0.2, 1) + wires * _between(draw, 0.4, 1.6)
    wave += _between(draw, 0, 0.5) * _click(draw, time, 2, 1500, 9000)
    return (_driven(wave, _about(draw, 0.8, 3)) if draw.random() < 0.3 else wave), pitch


def _rim(draw: Draw) -> tuple[Floats, float | None]:
    pitch, t60 = _about(draw, 350, 1800), _about(draw, 0.03, 0.2)
    time = _time(1.3 * t60 + 0.02)
    wave = _ringing(draw, time, pitch, "block", t60, _between(draw, 0.4, 1.2), 0.5)
    return wave + _between(draw, 0.2, 1) * _click(draw, time, _about(draw, 1, 4), 1500, 9000), pitch


def _clap(draw: Draw) -> tuple[Floats, float | None]:
    tail, count = _about(draw, 0.08, 0.4), int(draw.integers(2, 6))
    time = _time(tail + 0.06)
    starts = np.cumsum(draw.uniform(0.006, 0.014, count)) - 0.006
    envelope = sum((np.where(time >= s, _falling(time - s, 0.03), 0) for s in starts), np.zeros_like(time))
    envelope += np.where(time >= starts[-1], _falling(time - starts[-1], tail), 0) * _between(draw, 0.4, 1)
    center = _about(draw, 800, 2000)
    return _noise(draw, time, center, center * _between(draw, 1.2, 4), 3) * envelope, None


def _hat(draw: Draw, low: float, high: float) -> tuple[Floats, float | None]:
    t60 = _about(draw, low, high)
    time = _time(1.1 * t60)
    wave = _metal(draw, time, _about(draw, 0.8, 2.2)) * _falling(time, t60, _between(draw, 0, 0.1 * t60))
    wave += (
        _between(draw, 0.2, 1.5) * _noise(draw, time, _about(draw, 4000, 8000), 16_000) * _falling(time, t60)
    )
    return wave + _between(draw, 0, 1) * _click(draw, time, 2, 3000, 14_000), None


def _closed_hat(draw: Draw) -> tuple[Floats, float | None]:
    return _hat(draw, 0.04, 0.25)


def _open_hat(draw: Draw) -> tuple[Floats, float | None]:
    return _hat(draw, 0.35, 1.6)


def _cymbal(draw: Draw) -> tuple[Floats, float | None]:
    t60 = _about(draw, 0.9, 3)
    time = _time(LONGEST)
    wave = _metal(draw, time, _about(draw, 0.5, 1.2)) * _falling(time, t60)
    wash = _noise(draw, time, _about(draw, 800, 5000), 15_000) * _falling(time, 0.6 * t60)
    return wave + _between(draw, 0.3, 1.5) * wash * (1 - np.exp(-time / _about(draw, 0.0005, 0.02))), None


def _tom(draw: Draw) -> tuple[Floats, float | None]:
    pitch, t60 = _about(draw, 65, 260), _about(draw, 0.25, 1.1)
    time = _time(1.1 * t60)
    if draw.random() < 0.5:
        wave = _sine(_swept(time, pitch, _between(draw, 1.05, 2.5), _about(draw, 0.02, 0.15)))
        wave *= _falling(time, t60)
    else:
        kind = "membrane" if draw.random() < 0.6 else "kettle"
        wave = _ringing(draw, time, pitch, kind, t60, _between(draw, 0.9, 1.8), 0.8, _between(draw, 1, 1.2))
    wave += (
        _between(draw, 0, 0.2) * _noise(draw, time, 100, _about(draw, 800, 4000)) * _falling(time, 0.5 * t60)
    )
    return wave + _between(draw, 0, 0.4) * _click(draw, time, 3, 900, 5000), pitch


def _struck(draw: Draw) -> tuple[Floats, float | None]:
    kind = ("membrane", "bar", "marimba", "plate", "bell", "block", "cowbell")[int(draw.integers(7))]
    pitch = _about(draw, 150, 1600)
    t60 = _about(draw, 0.1, 1.2)
    time = _time(1.1 * t60)
    wave = _ringing(draw, time, pitch, kind, t60, _between(draw, 0.5, 1.6), _between(draw, 0.3, 1))
    return wave + _between(draw, 0.02, 0.4) * _click(draw, time, _about(draw, 1, 4), 1200, 8000), pitch


def _shaken(draw: Draw) -> tuple[Floats, float | None]:
    length, center = _about(draw, 0.06, 0.4), _about(draw, 2500, 8000)
    time = _time(1.3 * length + 0.03)
    rise = _about(draw, 0.002, 0.06)
    energy = np.minimum(1, time / rise) * _falling(time, length, rise)
    hits = (draw.random(len(time)) < _about(draw, 300, 6000) / RATE * (0.2 + energy)) * energy
    spectrum = np.fft.rfft(hits * draw.standard_normal(len(time)))
    frequency = np.maximum(np.fft.rfftfreq(len(time), 1 / RATE), 1)
    out = np.zeros(len(time))
    for ratio in (1.0, _between(draw, 1.5, 2.5)):
        quality = _about(draw, 1, 15)
        resonance = 1 / (1 + 1j * quality * (frequency / (center * ratio) - center * ratio / frequency))
        out += np.fft.irfft(spectrum * resonance, len(time)) * _between(draw, 0.4, 1)
    return out, None


def _zap(draw: Draw) -> tuple[Floats, float | None]:
    low, high, t60 = _about(draw, 60, 600), _about(draw, 1500, 9000), _about(draw, 0.08, 0.6)
    time = _time(t60)
    curve = low * (high / low) ** np.exp(-time / _about(draw, 0.01, 0.12))
    phase = _between(draw, 0, 3) * _sine(curve * _between(draw, 0.5, 3))
    return np.sin(2 * np.pi * np.cumsum(curve) / RATE + phase) * _falling(time, t60), low


VOICES: dict[str, tuple[Voice, ...]] = {
    "clap": (_clap,),
    "cymbal": (_cymbal,),
    "hihat": (_closed_hat,),
    "kick": (_swept_kick, _swept_kick, _skin_kick),
    "openhat": (_open_hat,),
    "percussion": (_struck, _struck, _struck, _shaken, _zap),
    "rim": (_rim,),
    "snare": (_snare,),
    "tom": (_tom,),
}
LABELS = tuple(sorted(VOICES))
