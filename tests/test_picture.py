import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wavesmith import picture
from wavesmith.errors import RequestError
from wavesmith.sound import Sound

RATE = 16000


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE, amplitude: float = 1.0) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound(amplitude * np.sin(2 * np.pi * hertz * time)[None], rate)


def noise(seconds: float = 0.2, seed: int = 0, channels: int = 1) -> Sound:
    return Sound(0.2 * np.random.default_rng(seed).standard_normal((channels, round(seconds * RATE))), RATE)


def silence(seconds: float = 0.2) -> Sound:
    return Sound(np.zeros((1, round(seconds * RATE))), RATE)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def band_of(hertz: float, bands: int, top_hz: float) -> float:
    return (bands + 1) * math.log10(1 + hertz / 700) / math.log10(1 + top_hz / 700) - 1


@pytest.mark.parametrize("hertz", [60, 440, 3000, 7000])
def test_a_tone_is_a_line_at_its_pitch_and_level(hertz: float) -> None:
    spectrogram = picture.mel(tone(hertz), bands=64)
    assert spectrogram.shape == (64, 100)
    column = spectrogram[:, 50]
    assert abs(column.argmax() - band_of(hertz, 64, RATE / 2)) < 1
    assert 10 * np.log10((10 ** (column / 10)).sum()) == pytest.approx(0, abs=0.1)
    far = np.abs(np.arange(64) - column.argmax()) > 16
    assert column[far].max() < column.max() - 50


def test_level_in_decibels() -> None:
    loud, soft = picture.mel(tone(440)), picture.mel(tone(440, amplitude=0.1))
    assert loud.max() - soft.max() == pytest.approx(20, abs=0.01)
    np.testing.assert_array_equal(picture.mel(silence()), -120)


def test_a_click_is_where_it_sounds() -> None:
    samples = np.zeros((1, RATE))
    samples[0, RATE // 4] = 1
    energy = picture.mel(Sound(samples, RATE), hop_seconds=0.01).sum(axis=0)
    assert abs(energy.argmax() - 25) <= 1


def test_no_band_is_deaf() -> None:
    assert picture.mel(noise(), bands=96).mean(axis=1).min() > -60


def test_one_range_for_different_rates() -> None:
    slow, fast = tone(1000, rate=8000), tone(1000, rate=44100)
    bands = [picture.mel(sound, 64, top_hz=8000)[:, 40].argmax() for sound in (slow, fast)]
    assert abs(bands[0] - bands[1]) <= 1


@pytest.mark.parametrize(("frames", "rate"), [(0, 8000), (1, 192_000), (50, 100)])
def test_tiny_sounds(tmp_path: Path, frames: int, rate: int) -> None:
    sound = Sound(np.full((2, frames), 0.5), rate)
    assert np.isfinite(picture.mel(sound)).all()
    picture.picture_of(sound, tmp_path / "a.png")
    picture.sheet({"tiny": [sound]}, tmp_path / "b.png")
    assert pixels(tmp_path / "a.png").size
    assert pixels(tmp_path / "b.png").size


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_picture_of_shows_loud_and_dark(tmp_path: Path, channels: int) -> None:
    sound = Sound.concatenate([noise(0.3, channels=channels), silence(0.3).channels_as(channels)])
    picture.picture_of(sound, tmp_path / "a.png", title="A drum: $x$ & 50 %")
    shown = pixels(tmp_path / "a.png").sum(axis=2)[260:460]
    assert shown[:, 100:400].mean() > 250
    assert shown[:, 600:900].mean() < 20


def test_sheet_puts_each_sound_in_its_place(tmp_path: Path) -> None:
    rows = {"one": [noise(), silence(), silence()], "two": [silence(), silence(), noise()]}
    picture.sheet(rows, tmp_path / "new" / "a.png", title="Sheet")
    shown = pixels(tmp_path / "new" / "a.png").sum(axis=2)
    shown[:40] = 0  # the title
    left, right = shown[:, 16:112].mean(axis=1), shown[:, 216:312].mean(axis=1)
    upper = np.flatnonzero(left > 250)
    lower = np.flatnonzero(right > 250)
    assert len(upper) == len(lower) == 64
    assert upper.max() < lower.min()
    assert shown[:, 116:212].mean(axis=1)[upper].max() < 20


def test_sheet_shares_one_colour_scale(tmp_path: Path) -> None:
    picture.sheet({"both": [noise(), noise().gain(-40)]}, tmp_path / "a.png")
    shown = pixels(tmp_path / "a.png").sum(axis=2)[45:100]
    assert shown[:, 20:100].mean() > shown[:, 120:200].mean() + 100 > 150


def test_sheet_wraps_and_stays_small(tmp_path: Path) -> None:
    rows = {str(n): [noise(0.1, seed=16 * n + i) for i in range(16)] for n in range(8)}
    picture.sheet(rows, tmp_path / "wide.png")
    picture.sheet({"all": [noise(0.1)] * 20}, tmp_path / "wrapped.png", columns=8)
    assert (tmp_path / "wide.png").stat().st_size < 400_000
    assert pixels(tmp_path / "wide.png").shape[:2] == (8 * (64 + 24) + 64, 16 * 100 - 4 + 32)
    assert pixels(tmp_path / "wrapped.png").shape[:2] == (3 * 68 - 4 + 24 + 64, 8 * 100 - 4 + 32)


def test_side_by_side(tmp_path: Path) -> None:
    real = {"kick": [noise()] * 20, "snare": [noise()]}
    picture.side_by_side(real, {"kick": [silence()] * 16}, tmp_path / "a.png", title="Compare")
    shown = pixels(tmp_path / "a.png").sum(axis=2)[100:300]
    assert shown[:, 16:400].mean() > 250
    assert shown[:, 440:800].mean() < 40


def test_silence_is_dark(tmp_path: Path) -> None:
    picture.sheet({"silence": [silence()] * 8}, tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").sum(axis=2)[50:90, 20:700].mean() < 20


def test_equal_sounds_make_equal_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture.picture_of(noise(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_requests_that_make_no_picture(tmp_path: Path) -> None:
    for rows in ({}, {"empty": []}):
        with pytest.raises(RequestError, match="no sounds"):
            picture.sheet(rows, tmp_path / "a.png")
    with pytest.raises(RequestError, match=r"\.png"):
        picture.picture_of(noise(), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_diagrams_stand_below_each_other_with_their_lines(tmp_path: Path) -> None:
    lines = {"one": [(0.0, 1.0), (10.0, 2.0)], "two": [(0.0, 2.0), (10.0, 1.0)]}
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    picture.panels([picture.Panel("loss", lines)], one, across="examples")
    picture.panels([picture.Panel("loss", lines)] * 2, two, across="examples")
    assert 1.5 < len(pixels(two)) / len(pixels(one)) < 2
    for colour in ((0xF2, 0xA6, 0x5A), (0xE8, 0xE6, 0xE3)):  # of the first and of the second line
        assert (abs(pixels(one) - colour).sum(axis=2) < 30).sum() > 100


def test_no_diagrams_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no diagrams"):
        picture.panels([], tmp_path / "none.png", across="examples")
