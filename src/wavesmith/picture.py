"""Pictures of sounds: mel spectrograms, alone or many on one sheet, as small PNG files.

Spectrograms are pixels, so they are PNG files, drawn by matplotlib without torch. Diagrams inside HTML pages
are SVG instead, which follows the page's colours and size (`evaluation`).
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from itertools import chain, cycle
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavesmith.errors import RequestError
from wavesmith.files import replacing
from wavesmith.mel import mel_filters, to_mel
from wavesmith.sound import Sound

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image as PaletteImage

Block = tuple[str, Sequence[Sound]]
Points = Sequence[tuple[float, float]]
Spectrogram = NDArray[np.float64]

_WINDOW_SECONDS = 0.023
_FLOOR_DB = -120.0
_RANGE_DB = 80.0
_INK, _FAINT, _PAPER, _WAVE = "#e8e6e3", "#98949f", "#121116", "#f2a65a"
_MAP = "magma"
_PIXELS_PER_INCH = 100
_PANEL = (64, 96)  # bands and columns of a small panel, each drawn as one pixel
_LINES = (_WAVE, _INK, "#b5367a", "#fcfdbf", _FAINT)  # their colours, in this order
_GAP, _MARGIN, _LINE = 4, 16, 24  # pixels between panels, around everything, and for a line of text


class Panel(NamedTuple):
    """A diagram: title, and points of its lines by name."""

    title: str
    lines: Mapping[str, Points]


def mel(
    sound: Sound, bands: int = 96, hop_seconds: float = 0.005, top_hz: float | None = None
) -> Spectrogram:
    """Compute the mel spectrogram in decibels, `[bands, frames]`, low bands first.

    The mean of all channels is cut into Hann windows of about 23 ms, centred on every `hop_seconds` (zeros
    beyond the ends). Their power spectra are summed under the triangles of `mel_filters` from 0 to `top_hz`
    (half the rate if None). A full-scale sine has 0 dB, all bands together; nothing is below -120 dB.
    """
    window = 2 ** max(4, round(math.log2(sound.rate * _WINDOW_SECONDS)))
    spectrum = 2 * window  # padding with zeros: otherwise the lowest bands fall between two bins
    taper = np.hanning(window + 1)[:-1]
    weights = mel_filters(sound.rate, bands, spectrum, lowest=0.0, highest=top_hz).T
    samples = np.pad(sound.mono().samples[0], window // 2)
    centres = np.arange(max(1, math.ceil(sound.seconds / hop_seconds))) * hop_seconds
    frames = [
        np.abs(np.fft.rfft(samples[start : start + window] * taper, spectrum)) ** 2 @ weights
        for start in (centres * sound.rate).astype(int)
    ]
    power = np.stack(frames, axis=1) / (spectrum * np.square(taper).sum() / 4)
    decibels: Spectrogram = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    return decibels


def picture_of(sound: Sound, path: str | Path, title: str | None = None) -> None:
    """Draw one sound: the waveform of up to two channels above the mel spectrogram.

    Raises:
        RequestError: when the name does not end in .png.
        WavesmithError: when the file cannot be written.
    """
    _save(_picture(sound, title), path)


def png(sound: Sound, title: str | None = None) -> bytes:
    """Return the content of the file that `picture_of` writes."""
    return _png(_picture(sound, title))


def _picture(sound: Sound, title: str | None) -> Figure:
    width, seconds = 860, max(sound.seconds, 0.001)
    lanes = sound.samples[:2]
    figure = _figure(width + 120, 560)
    _write(figure, 70, 535, title or "", size=12)
    for lane, samples in enumerate(lanes):
        height = 150 // len(lanes)
        axes = _axes(figure, 70, 370 + height * (len(lanes) - 1 - lane), width, height - _GAP)
        _draw_wave(axes, samples, width, seconds)
    axes = _axes(figure, 70, 60, width, 290)
    spectrogram = _panel(sound, 145, width, seconds, sound.rate / 2)
    _draw_mel(axes, spectrogram, spectrogram.max(), (0, seconds, 0, 1))
    _mark_frequencies(axes, sound.rate / 2)
    axes.set_xlabel("seconds", color=_FAINT, fontsize=9)
    _draw_scale(figure, 720, 18)
    return figure


def thumbnail(
    sound: Sound, width: int, height: int, seconds: float | None = None, top_hz: float | None = None
) -> bytes:
    """Return a PNG of the mel spectrogram alone, of `width` by `height` pixels.

    It shows the first `seconds` and frequencies up to `top_hz`, by default all.
    """
    from PIL import Image

    panel = _panel(sound, height, width, seconds or max(sound.seconds, 0.001), top_hz or sound.rate / 2)
    loudest = max(float(panel.max()), _FLOOR_DB + _RANGE_DB)
    shade = np.clip((panel - loudest) / _RANGE_DB + 1, 0, 1)[::-1]
    image = Image.fromarray((shade * 63).round().astype(np.uint8), "P")
    image.putpalette(_palette().getpalette() or [])
    memory = io.BytesIO()
    image.save(memory, "PNG", optimize=True)
    return memory.getvalue()


def sheet(
    rows: Mapping[str, Sequence[Sound]],
    path: str | Path,
    title: str | None = None,
    seconds: float | None = None,
    columns: int = 16,
) -> None:
    """Draw many sounds: for each label a block of mel spectrograms with up to `columns` in a row.

    All share one colour scale (from the loudest cell of the sheet down to 80 dB below it), one frequency
    range and one duration: `seconds`, or that of the longest sound.

    Raises:
        RequestError: when there is nothing to draw or the name does not end in .png.
        WavesmithError: when the file cannot be written.
    """
    columns = min(columns, max(map(len, rows.values()), default=0))
    _draw_blocks([[row] for row in rows.items()], columns, path, title, seconds)


def side_by_side(
    real: Mapping[str, Sequence[Sound]],
    generated: Mapping[str, Sequence[Sound]],
    path: str | Path,
    title: str | None = None,
    seconds: float | None = None,
) -> None:
    """Draw real sounds beside generated ones: two blocks of 4 by 4 for each label, scaled as in `sheet`.

    Raises:
        RequestError: when there is nothing to draw or the name does not end in .png.
        WavesmithError: when the file cannot be written.
    """
    labels = dict.fromkeys([*real, *generated])
    sides = (("real", real), ("generated", generated))
    pairs = [[(f"{label}, {kind}", side.get(label, ())[:16]) for kind, side in sides] for label in labels]
    _draw_blocks(pairs, 4, path, title, seconds)


def panels(diagrams: Sequence[Panel], path: str | Path, across: str) -> None:
    """Draw diagrams of lines below each other; `across` is the label of their horizontal axis.

    Raises:
        RequestError: when there is nothing to draw or the name does not end in .png.
        WavesmithError: when the file cannot be written.
    """
    if not diagrams:
        raise RequestError("There are no diagrams to draw.")
    width, height, step = 700, 180, 260
    figure = _figure(width + 270, step * len(diagrams) + 2 * _MARGIN)
    for number, diagram in enumerate(reversed(diagrams)):
        bottom = 50 + number * step
        _write(figure, 60, bottom + height + _LINE // 2, diagram.title)
        axes = _axes(figure, 60, bottom, width, height)
        for (name, points), colour in zip(diagram.lines.items(), cycle(_LINES)):
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.2, marker=".", ms=3, label=name)
        axes.grid(color=_FAINT, alpha=0.2, linewidth=0.5)
        axes.ticklabel_format(axis="x", style="plain")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, labelcolor=_INK, fontsize=8)
    axes = figure.axes[0]
    axes.set_xlabel(across, color=_FAINT, fontsize=9)
    _save(figure, path)


def _panel(sound: Sound, bands: int, columns: int, seconds: float, top_hz: float) -> Spectrogram:
    """Compute a mel spectrogram of `columns` over `seconds`, the maximum of each column's frames."""
    frames = max(1, math.ceil(seconds / columns / (_WINDOW_SECONDS / 2)))
    part = sound.crop(max(1, round(seconds * sound.rate)))
    fine = mel(part, bands, seconds / columns / frames, top_hz)[:, : columns * frames]
    fine = np.pad(fine, ((0, 0), (0, columns * frames - fine.shape[1])), constant_values=_FLOOR_DB)
    loudest: Spectrogram = fine.reshape(bands, columns, frames).max(axis=2)
    return loudest


def _draw_blocks(
    grid: Sequence[Sequence[Block]], columns: int, path: str | Path, title: str | None, seconds: float | None
) -> None:
    """Lay out rows of labelled blocks, every block `columns` panels wide."""
    sounds = [sound for _, block in chain.from_iterable(grid) for sound in block]
    if not sounds or columns < 1:
        raise RequestError("There are no sounds to draw.")
    span = seconds or max(max(sound.seconds for sound in sounds), 0.001)
    top_hz = max(sound.rate for sound in sounds) / 2
    mosaics = [
        [
            (label, _mosaic([_panel(sound, *_PANEL, span, top_hz) for sound in block], columns))
            for label, block in row
        ]
        for row in grid
    ]
    loudest = max(float(np.nanmax(mosaic)) for row in mosaics for _, mosaic in row if mosaic.size)
    heights = [_LINE + max(len(mosaic) for _, mosaic in row) for row in mosaics]
    block_width = columns * (_PANEL[1] + _GAP) - _GAP
    across = max(map(len, grid))
    width = max(across * (block_width + _MARGIN) + _MARGIN, 520)
    y = sum(heights) + 2 * _LINE + _MARGIN
    figure = _figure(width, y + (_LINE + _MARGIN if title else 0))
    _write(figure, _MARGIN, y + _LINE // 2, title or "", size=13)
    for row, height in zip(mosaics, heights, strict=True):
        for column, (label, mosaic) in enumerate(row):
            x = _MARGIN + column * (block_width + _MARGIN)
            _write(figure, x, y - _LINE // 2, label)
            if mosaic.size:
                axes = _axes(figure, x, y - _LINE - len(mosaic), mosaic.shape[1], len(mosaic))
                _draw_mel(axes, mosaic, loudest, (0, 1, 0, 1))
                axes.set_axis_off()
        y -= height
    _write(figure, _MARGIN, 24, f"{span:.3g} s and 0 to {top_hz / 1000:.2g} kHz each", colour=_FAINT)
    _draw_scale(figure, width - _MARGIN - 218, 20)
    _save(figure, path)


def _mosaic(panels: Sequence[Spectrogram], columns: int) -> Spectrogram:
    """Put panels into rows, first panel at the top left; NaN in between; the lowest line comes first."""
    bands, width = _PANEL
    rows = math.ceil(len(panels) / columns)
    canvas = np.full((max(0, rows * (bands + _GAP) - _GAP), columns * (width + _GAP) - _GAP), np.nan)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        bottom, left = (rows - 1 - row) * (bands + _GAP), column * (width + _GAP)
        canvas[bottom : bottom + bands, left : left + width] = panel
    return canvas


def _draw_mel(
    axes: Axes, spectrogram: Spectrogram, loudest: float, extent: tuple[float, float, float, float]
) -> None:
    loudest = max(loudest, _FLOOR_DB + _RANGE_DB)  # silence is dark even if all is silent
    axes.imshow(
        spectrogram,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=_MAP,
        vmin=loudest - _RANGE_DB,
        vmax=loudest,
        extent=extent,
    )


def _draw_wave(axes: Axes, samples: NDArray[np.float32], columns: int, seconds: float) -> None:
    """Fill between the lowest and highest sample of every pixel column."""
    edges = np.linspace(0, len(samples), min(columns, len(samples)) + 1).astype(int)[:-1]
    if len(edges):
        low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
        times = edges / len(samples) * seconds
        axes.fill_between(times, low, high, color=_WAVE, linewidth=0.6)
    limit = max(1.0, float(np.abs(samples).max(initial=0)))
    axes.set(xlim=(0, seconds), ylim=(-limit, limit), xticks=[], yticks=[0])
    axes.set_yticklabels([])
    axes.axhline(0, color=_FAINT, linewidth=0.4)


def _mark_frequencies(axes: Axes, top_hz: float) -> None:
    marks = [hertz for hertz in (100, 300, 1000, 3000, 10000) if hertz < 0.9 * top_hz]
    axes.set_yticks([to_mel(hertz) / to_mel(top_hz) for hertz in marks])
    axes.set_yticklabels([f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in marks])


def _draw_scale(figure: Figure, x: int, y: int) -> None:
    """Draw the colour scale as a bar from 80 dB below the loudest cell up to it."""
    axes = _axes(figure, x + 50, y, 110, 8)
    _draw_mel(axes, np.linspace(-_RANGE_DB, 0, 110)[None], 0, (0, 1, 0, 1))
    axes.set_axis_off()
    _write(figure, x, y + 4, f"-{_RANGE_DB:.0f} dB", colour=_FAINT)
    _write(figure, x + 168, y + 4, "loudest", colour=_FAINT)


def _figure(width: int, height: int) -> Figure:
    # A figure of its own, not pyplot's: no window system is needed and nothing global is left behind.
    from matplotlib.figure import Figure

    inches = (width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH)
    return Figure(inches, dpi=_PIXELS_PER_INCH, facecolor=_PAPER)


def _axes(figure: Figure, x: int, y: int, width: int, height: int) -> Axes:
    """Make axes at pixels counted from the lower left corner."""
    across, up = figure.get_size_inches() * _PIXELS_PER_INCH
    axes = figure.add_axes((x / across, y / up, width / across, height / up), facecolor=_PAPER)
    axes.tick_params(colors=_FAINT, labelsize=8, length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _write(figure: Figure, x: int, y: int, text: str, size: int = 9, colour: str = _INK) -> None:
    across, up = figure.get_size_inches() * _PIXELS_PER_INCH
    # Without `parse_math` a label like "$a$" would turn into a formula.
    figure.text(x / across, y / up, text, color=colour, fontsize=size, va="center", parse_math=False)


def _save(figure: Figure, path: str | Path) -> None:
    if Path(path).suffix.lower() != ".png":
        raise RequestError(f"Cannot draw {path}: the name must end in .png.")
    with replacing(path) as temporary:
        temporary.write_bytes(_png(figure))


def _png(figure: Figure) -> bytes:
    """Encode a PNG with a palette, a quarter of the size of one in full colour."""
    from PIL import Image

    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="raw")
    size = (round(figure.bbox.width), round(figure.bbox.height))
    image = Image.frombytes("RGBA", size, full.getvalue()).convert("RGB")
    image.quantize(palette=_palette(), dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def _palette() -> PaletteImage:
    """Return the palette of all pictures: the colour map, and mixtures of lines with the background."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb
    from PIL import Image

    mixtures = np.linspace(to_rgb(_PAPER), [to_rgb(colour) for colour in (_INK, _FAINT, _WAVE)], 16)
    colours = np.concatenate([colormaps[_MAP](np.linspace(0, 1, 64))[:, :3], mixtures.reshape(-1, 3)])
    palette = Image.new("P", (1, 1))
    palette.putpalette((colours * 255).round().astype(np.uint8).tobytes())
    return palette
