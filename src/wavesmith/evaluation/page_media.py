"""Sounds inside a page: spectrograms and players as data URIs, which need no other file."""

from __future__ import annotations

import base64
import io

from wavesmith.audio_file import encode
from wavesmith.picture import thumbnail
from wavesmith.sound import Sound

TILE = (96, 64)
"""Width and height of a spectrogram in pixels."""

_LONGEST_AUDIO = 2.0
_FADE_SECONDS = 0.05


def spectrogram(sound: Sound, seconds: float | None = None, top_hz: float | None = None) -> str:
    """Return a small mel spectrogram as PNG; `seconds` and `top_hz` set its scales."""
    return _data_uri("image/png", thumbnail(sound, *TILE, seconds, top_hz))


def flac(sound: Sound) -> str:
    """Return the first two seconds of a sound as 16-bit FLAC without a recipe."""
    frames = round(_LONGEST_AUDIO * sound.rate)
    part = sound.channels_as(min(sound.channels, 2)).trim()
    if part.frames > frames:
        part = part.crop(frames).fade(out_seconds=_FADE_SECONDS)
    memory = io.BytesIO()
    encode(memory, ".flac", [part.samples], part.rate, part.channels, None, 16)
    return _data_uri("audio/flac", memory.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
