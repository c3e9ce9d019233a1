import base64
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from wavesmith import playback
from wavesmith.errors import AudioError
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound

RATE = 8000
RECIPE = Recipe(verb="generate", model="<drums>", model_hash="ab" * 32, seed=7)


def noise(seconds: float, channels: int = 2) -> Sound:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, round(seconds * RATE)))
    return Sound(samples, RATE, RECIPE)


class NoDevice(Exception):
    pass


def test_play_gives_the_device_frames_by_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def record(*given: object, **options: object) -> None:
        calls.append((given, options))

    device = SimpleNamespace(play=record, PortAudioError=NoDevice)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    sound = noise(0.1)
    sound.play()
    (((samples, rate), options),) = calls
    assert (rate, options) == (RATE, {"blocking": True})
    np.testing.assert_array_equal(samples, sound.samples.T)


def test_play_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioError, match=r"wavesmith\[play\]"):
        noise(0.1).play()


def test_play_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **options: object) -> None:
        raise NoDevice("Error querying device -1")

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(play=fail, PortAudioError=NoDevice))
    with pytest.raises(AudioError, match="device -1"):
        noise(0.1).play()


def embedded(html: str, kind: str) -> bytes:
    (content,) = re.findall(rf"src='data:{kind};base64,([^']*)'", html)
    return base64.b64decode(content)


def test_a_notebook_shows_a_player_and_a_picture(tmp_path: Path) -> None:
    sound = noise(0.1)
    html = sound._repr_html_()
    assert embedded(html, "image/png").startswith(b"\x89PNG")
    (tmp_path / "a.wav").write_bytes(embedded(html, "audio/wav"))
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples.T, sound.samples, atol=2**-15)
    assert "0.1 s" in html
    assert "<drums>" not in html


def test_a_long_sound_is_embedded_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "_PLAYER_SECONDS", 0.5)
    html = noise(1.0, channels=1)._repr_html_()
    assert len(embedded(html, "audio/wav")) < 2.2 * 0.5 * RATE
    assert "the first 0.5 s" in html


def test_an_empty_sound_has_no_player() -> None:
    assert "<audio" not in Sound(np.zeros((1, 0)), RATE)._repr_html_()
