"""Listening to a sound: on the machine's output device, or with a player in a notebook."""

from __future__ import annotations

import base64
from html import escape

from wavesmith.errors import AudioError
from wavesmith.sound import Sound

_PLAYER_SECONDS = 60.0
"""Duration up to which a sound is embedded in a notebook; one more minute of stereo adds 14 MB to it."""


def play(sound: Sound) -> None:
    """Play a sound on the default output device and return when it has ended.

    Raises:
        AudioError: when the package `sounddevice` is not installed, or there is no output device.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: it is there, but the PortAudio library is not
        raise AudioError(
            f"Playing needs the package sounddevice ({error}); install it with: "
            "pip install 'wavesmith[play]' (on Linux also the system's library libportaudio2)."
        ) from error
    try:
        sounddevice.play(sound.samples.T, sound.rate, blocking=True)
    except sounddevice.PortAudioError as error:
        raise AudioError(
            f"The sound cannot be played ({error}); connect an output device, or write it to a file."
        ) from error


def player_html(sound: Sound) -> str:
    """Return HTML that needs no other file: a player, the waveform and the mel spectrogram."""
    from wavesmith.picture import png

    if not sound.frames:
        return f"<p>{escape(repr(sound))}</p>"
    part = sound.crop(min(sound.frames, round(_PLAYER_SECONDS * sound.rate)))
    caption = repr(sound) + (f", the first {_PLAYER_SECONDS:g} s" if part.frames < sound.frames else "")
    return (
        f"<figure><img alt='' src='{_data_url('image/png', png(part))}'><br>"
        f"<audio controls src='{_data_url('audio/wav', part.with_recipe(None).encode(bits=16))}'></audio>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
