from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from PIL import Image

from wavesmith.evaluation import page_media, plots
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.report_page import _environment, digits
from wavesmith.evaluation.spectra import Curve
from wavesmith.sound import Sound

VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Checks that every element that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tone(seconds: float = 0.5, rate: int = 8000) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound(np.stack([0.5 * np.sin(3000 * time), 0.25 * np.sin(3000 * time)]), rate)


def content(uri: str) -> bytes:
    return base64.b64decode(uri.partition("base64,")[2])


def render(source: str, **values: object) -> str:
    imports = "{% import 'macros.html' as page with context %}{% import 'plots.html' as plots with context %}"
    return _environment().from_string(imports + source).render(**values)


PARTS = [
    "{% call page.section(name, name) %}{{ name }}{% endcall %}",
    "{{ page.table([name, name], [[name, name]]) }}",
    "{{ page.tile_of(name, name, name) }}",
    "{{ page.playable(sound, name, 1.0, 4000) }}",
    "{{ page.pair([name, name], [sound, sound], name) }}",
    "{{ plots.confusion(matrix) }}",
    "{{ plots.intervals(bars) }}",
    "{{ plots.curves(curves) }}",
]


@pytest.mark.parametrize("source", PARTS)
def test_parts_are_balanced_and_escape_names(source: str) -> None:
    name = '"><script>alert(1)</script>'
    html = render(
        source,
        name=name,
        sound=tone(),
        matrix=plots.confusion([name, "b"], [[1, 0], [0, 1]]),
        bars=plots.intervals([(name, "real", Estimate(value=1, low=0, high=2))]),
        curves=plots.curves([0, 1], [plots.Series("real", CURVE)], [(0.5, name)], name),
    )
    assert "<script" not in html
    balance = Balance()
    balance.feed(html)
    assert balance.open == []


def test_sounds_play_at_their_rate_and_no_longer_than_two_seconds() -> None:
    samples, rate = soundfile.read(io.BytesIO(content(page_media.flac(tone()))))
    assert rate == 8000
    assert np.allclose(samples.T, tone().samples, atol=1e-4)
    samples, _ = soundfile.read(io.BytesIO(content(page_media.flac(tone(seconds=3)))))
    assert len(samples) == 16_000


def test_a_spectrogram_shows_where_the_energy_is() -> None:
    low, high = (
        Sound(np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)[None], 8000) for hertz in (200, 3500)
    )
    rows = []
    for sound in (low, high):
        image = Image.open(io.BytesIO(content(page_media.spectrogram(sound))))
        levels = np.asarray(image.convert("L"), float)
        rows.append(levels.sum(axis=1).argmax() / len(levels))
    assert rows[0] > 0.8
    assert rows[1] < 0.2


CURVE = Curve(mean=(-10.0, -40.0), low=(-20.0, -100.0), high=(0.0, -30.0))


def test_curves_stay_in_their_frame_and_fall_where_levels_fall() -> None:
    plot = plots.curves([0, 1], [plots.Series("real", CURVE)], [(0.5, "x")], "Hz")
    [line] = plot.lines
    points = [tuple(map(float, point.split(","))) for point in f"{line.points} {line.band}".split()]
    assert all(plot.left <= x <= plot.right and plot.top <= y <= plot.bottom for x, y in points)
    assert points[0][1] < points[1][1]


def test_intervals_are_drawn_to_scale() -> None:
    a, b = plots.intervals(
        [
            ("a", "made", Estimate(value=2, low=1, high=4)),
            ("b", "real", Estimate(value=0.5, low=-1, high=1)),
        ]
    ).bars
    assert a.low == b.high
    assert (a.high - a.low) / (b.high - b.low) == pytest.approx(1.5)


def test_values_have_three_digits_and_silence_is_named() -> None:
    assert [digits(value) for value in (0.12345, 12345.6, float("-inf"))] == ["0.123", "12346", "silence"]
