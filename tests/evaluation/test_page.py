from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import soundfile
from PIL import Image

from wavesmith.evaluation import page, plots
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.spectra import Curve
from wavesmith.sound import Sound

VOID = {"meta", "img", "br", "circle", "line", "rect", "polygon", "polyline"}


class Balance(HTMLParser):
    """Checks that every element that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tone(seconds: float = 0.5, rate: int = 8000) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound(np.stack([0.5 * np.sin(3000 * time), 0.25 * np.sin(3000 * time)]), rate)


def content(uri_of: str) -> bytes:
    [data] = re.findall(r"base64,([^\"]+)", uri_of)
    return base64.b64decode(data)


def test_a_document_is_whole_and_balanced() -> None:
    parts = [
        page.section("One & two", page.text("a < b"), page.table(["", "x"], [["row", 1]]), lead="why"),
        page.pairs([("made", tone(), "real", tone(), "alike")]),
        page.sheet([("real", [page.spectrogram(tone())]), ("made", [page.playable(tone(), "a.wav")])]),
        page.tiles([("name", "1 %", "note")]),
        page.details("more", page.listed(["a", "b"]), page.badge("good", "good")),
    ]
    text = page.document("A title", *parts)
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert text.startswith("<!doctype html>")
    assert "One &amp; two" in text
    assert "a &lt; b" in text
    assert "prefers-color-scheme: dark" in text


def test_names_are_escaped_wherever_they_stand() -> None:
    bad = '"><script>alert(1)</script>'
    for html in (
        page.table([bad], [[bad, bad]]),
        page.section(bad, page.heading(bad), page.text(bad), lead=bad),
        page.playable(tone(), bad),
        page.pairs([(bad, tone(), bad, tone(), bad)]),
        page.sheet([(bad, [])]),
        page.tiles([(bad, bad, bad)]),
        page.badge(bad),
        plots.key([("real", bad)]),
        plots.confusion([bad, "b"], [[1, 0], [0, 1]]),
        plots.intervals([(bad, "real", Estimate(value=1, low=0, high=2))]),
    ):
        assert "<script" not in html


def test_sounds_play_at_their_rate_and_no_longer_than_two_seconds() -> None:
    samples, rate = soundfile.read(io.BytesIO(content(page.audio(tone()))))
    assert rate == 8000
    assert np.allclose(samples.T, tone().samples, atol=1e-4)
    samples, _ = soundfile.read(io.BytesIO(content(page.audio(tone(seconds=3)))))
    assert len(samples) == 16_000


def test_a_spectrogram_shows_where_the_energy_is() -> None:
    low, high = (
        Sound(np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)[None], 8000) for hertz in (200, 3500)
    )
    rows = []
    for sound in (low, high):
        picture = np.asarray(Image.open(io.BytesIO(content(page.spectrogram(sound)))).convert("L"), float)
        rows.append(picture.sum(axis=1).argmax() / len(picture))
    assert rows[0] > 0.8
    assert rows[1] < 0.2


def test_curves_stay_in_their_frame_and_fall_where_levels_fall() -> None:
    falling = Curve(mean=(0.0, -30.0, -60.0), low=(-10.0, -40.0, -70.0), high=(0.0, -20.0, -50.0))
    svg = plots.curves([0.0, 0.5, 1.0], [plots.Series("real", falling)], [(0.5, "half")], "s")
    [points] = re.findall(r'polyline class="line" points="([^"]+)"', svg)
    x, y = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(x) == sorted(x)
    assert list(y) == sorted(y)
    assert min(x + y) >= 0
    assert max(x) <= 460
    assert max(y) <= 240


def test_intervals_are_drawn_to_scale() -> None:
    rows = [
        ("a", "made", Estimate(value=2, low=1, high=4)),
        ("b", "real", Estimate(value=0.5, low=-1, high=1)),
    ]
    bars = re.findall(r'class="bar" x1="([\d.]+)" x2="([\d.]+)"', plots.intervals(rows))
    (a_low, a_high), (b_low, b_high) = [tuple(map(float, bar)) for bar in bars]
    assert a_low == b_high
    assert (a_high - a_low) / (b_high - b_low) == 1.5
