"""Pictures of the verbs for their pages, and measurements of each on real recordings.

    python benchmarks/verb_pictures.py DRUMS EXTRA --model drums --out docs/images --table runs/verbs.md

DRUMS is a folder of one-shots whose sub-folders are kick, snare, hihat and percussion, EXTRA one of loops and
textures. Everything is made by the functions behind the commands of the pages, with the options shown there.
`vary_curve.py` draws how even amounts are, `steering.py` measures what follows guides.

What is measured, over `--count` recordings each:

- jumps of level and steps between samples at the seams of windows, regions and loops, beside those elsewhere;
- DC, and the correlation of the channels before and after;
- how nearly morphs meet their ends, and what inversion alone loses;
- what upscaling keeps below the cutoff, and how near its top comes to the true one;
- how much noise is taken off.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import matplotlib
import numpy as np
import torch

from wavesmith.data import read_folder
from wavesmith.descriptors import LogMel
from wavesmith.families.diffusion.inversion import InvertedSources
from wavesmith.models import Model, load
from wavesmith.noise import ItemNoise
from wavesmith.sound import Sound
from wavesmith.verbs import VERBS, clean, extend, generate, inpaint, loop, morph, restyle, upscale, vary
from wavesmith.verbs.like import distance
from wavesmith.verbs.source_adapter import SourceAdapter

Row = tuple[str, str, str]
LABELS = ("kick", "snare", "hihat", "percussion")


class Recordings:
    """Real sounds to try the verbs on."""

    def __init__(self, drums: Path, extra: Path, seconds: float) -> None:
        self.drums, self.extra, self.seconds = drums, extra, seconds
        self.entries = read_folder(drums).entries
        self.long = [entry.path for entry in read_folder(extra).entries]

    def hits(self, label: str, count: int) -> list[Sound]:
        """One-shots of a label that last 0.3 to 1 s, spread over the folder."""
        paths = [self.drums / entry.path for entry in self.entries if entry.label == label]
        order = np.random.default_rng(1).permutation(len(paths))
        found = (Sound.read(paths[k], seconds=5.0) for k in order)
        usable = (sound for sound in found if 0.3 <= sound.seconds <= 1.0 and sound.levels().peak_db > -12)
        return [sound for sound, _ in zip(usable, range(count), strict=False)]

    def all_hits(self, count: int) -> list[Sound]:
        """As many, of all labels in turn."""
        each = -(-count // len(LABELS))
        return [
            sound
            for four in zip(*(self.hits(label, each) for label in LABELS), strict=True)
            for sound in four
        ]

    def tracks(self, kind: str, count: int) -> list[Sound]:
        """Beginnings of long recordings whose names begin so."""
        paths = [self.extra / path for path in self.long if path.startswith(kind)]
        return [Sound.read(path, seconds=self.seconds) for path in paths[:count]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drums", type=Path)
    parser.add_argument("extra", type=Path)
    parser.add_argument("--model", default="drums")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--table", type=Path, help="file for the measurements, which are printed as well")
    parser.add_argument("--count", type=int, default=8, help="recordings for each measurement")
    parser.add_argument("--seconds", type=float, default=6.0, help="of long recordings")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, recordings = load(options.model), Recordings(options.drums, options.extra, options.seconds)
    lines = ["| verb | measured | value |", "|---|---|---|"]
    print("\n".join(lines), flush=True)
    for name in options.only:
        for row in PARTS[name](model, recordings, options.count, options.out):
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    if options.table:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")


def of_vary(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    source = recordings.hits("snare", 1)[0]
    made = vary(model, source, 6, amount=0.4, seed=1)
    names = ["a snare (recording)", *(f"variation {k}" for k in range(6))]
    draw(names, [source, *made], 4, out / "vary.png")
    hits = recordings.all_hits(count)
    pairs = [(hit, vary(model, hit, amount=0.4, seed=1)[0]) for hit in hits]
    yield from image_and_dc("vary", pairs)
    times = [
        seconds(lambda hit=hit: vary(model, hit, amount=0.4, seed=1))  # type: ignore[misc]
        / seconds(lambda: generate(model, label="kick", seed=1))
        for hit in hits
    ]
    yield "vary", "time, as a share of `generate` (median)", f"{median(times):.2f}"


def of_restyle(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    bar = max(recordings.tracks("loop", count), key=lambda sound: sound.seconds)
    made = [restyle(model, bar, amount=amount, seed=1)[0] for amount in (0.3, 0.5, 0.7)]
    names = ["a loop (recording)", *(f"restyle --amount {amount}" for amount in (0.3, 0.5, 0.7))]
    draw(names, [bar, *made], 1, out / "restyle.png")
    pairs, near, far, steps = [], [], [], []
    for track in [*recordings.tracks("loop", count // 2), *recordings.tracks("texture", count // 2)]:
        styled = restyle(model, track, amount=0.5, seed=1)[0]
        pairs.append((track, styled))
        windows = SourceAdapter(track, model).windows()
        overlap = windows.window - windows.hop
        starts = [windows.span(k)[0] for k in range(1, len(windows))]
        seams = [start + overlap * 3 // 4 for start in starts]  # the middle of the crossfade
        places = list(range(windows.hop // 2, track.frames - windows.hop // 2, windows.hop // 5))
        near += level_jumps(track, styled, seams)
        far += level_jumps(track, styled, places)
        steps += [steepest(styled, seam) / max(steepest(styled, place) for place in places) for seam in seams]
    yield "restyle", "level jump at seams, dB (median; elsewhere)", f"{median(near):.2f}; {median(far):.2f}"
    yield "restyle", "largest step at a seam, of the largest elsewhere", f"{max(steps):.2f}"
    yield from image_and_dc("restyle", pairs)


def of_morph(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    first, last = recordings.hits("snare", 1)[0], recordings.hits("kick", 1)[0]
    made = morph(model, first, last, count=6)
    names = [
        "a snare (recording)",
        *(f"{share:.0%} kick" for share in (0.2, 0.4, 0.6, 0.8)),
        "a kick (recording)",
    ]
    draw(names, made, 3, out / "morph.png")
    ends, lost, levels, apart = [], [], [], []
    for one, other in pairwise(recordings.all_hits(count + 1)):
        start, middle, end = morph(model, one, other, count=3)
        ends.append(snr(one, start))
        levels.append(loudest(middle) - (loudest(start) + loudest(end)) / 2)
        apart.append(max(distance(middle, start), distance(middle, end)) / distance(start, end))
        lost.append(inversion_snr(model, one))
    exact = "the recordings, sample for sample" if min(ends) == np.inf else f"SNR {min(ends):.0f} dB"
    yield "morph", "ends", exact
    yield (
        "morph",
        "inversion there and back alone, SNR dB (median, least)",
        f"{median(lost):.0f}, {min(lost):.0f}",
    )
    yield (
        "morph",
        "loudest 50 ms of the middle, relative to the ends' mean, dB (median, least, most)",
        f"{median(levels):.1f}, {min(levels):.1f}, {max(levels):.1f}",
    )
    yield "morph", "middle to the further end, of the way between the ends (median)", f"{median(apart):.2f}"


@torch.inference_mode()
def inversion_snr(model: Model, sound: Sound) -> float:
    """SNR in dB of a sound after inversion and sampling."""
    adapter = SourceAdapter(sound, model)
    wave = adapter.take(0, max(sound.frames, adapter.native))
    _, sampling = VERBS["morph"].settle(model, 2)
    sources = InvertedSources(model.family, wave[None], sampling, ItemNoise(0, [0], model.device))
    return decibels(float(wave.square().sum() / sources.residuals[0].square().sum()))


def of_inpaint(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    source = recordings.hits("percussion", 1)[0]
    made = inpaint(model, source, [(0.1, 0.3)], 3, seed=1)
    names = ["a hit (recording)", *(f"0.1 to 0.3 s anew, {k}" for k in range(3))]
    draw(names, [source, *made], 4, out / "inpaint.png")
    same, steps, jumps = True, [], []
    for sound in [*recordings.all_hits(count), *recordings.tracks("texture", 2)]:
        region = (0.3 * min(sound.seconds, 2), 0.6 * min(sound.seconds, 2))
        edges = [round(edge * sound.rate) for edge in region]
        new = inpaint(model, sound, [region], seed=1)[0]
        outside = np.r_[0 : edges[0], edges[1] : sound.frames]
        stereo = sound.channels_as(new.channels)
        same &= np.array_equal(new.samples[:, outside], stereo.samples[:, outside])
        steps += [steepest(new, edge) / steepest(new, new.frames // 2, new.frames) for edge in edges]
        jumps += level_jumps(stereo, new, edges)
    yield "inpaint", "outside of the regions", "the same, sample for sample" if same else "CHANGED"
    yield "inpaint", "largest step at an edge, of the largest in the sound", f"{max(steps):.2f}"
    yield "inpaint", "level jump at the edges, dB (median)", f"{median(jumps):.2f}"
    steps = []
    for sound in recordings.tracks("texture", 3):
        longer = extend(model, sound.crop(2 * sound.rate), after=0.5, seed=1)[0]
        steps.append(steepest(longer, 2 * sound.rate) / steepest(longer, longer.frames // 2, longer.frames))
    yield "extend", "largest step at the seam, of the largest in the sound", f"{max(steps):.2f}"


def of_loop(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    source = max(recordings.tracks("texture", count), key=lambda sound: sound.seconds)
    turn = loop(model, source, bars=1, bpm=120, seed=1)[0]
    twice = Sound.concatenate([turn, turn])
    draw(
        ["a texture (recording)", "loop --bars 1 --bpm 120, played twice"],
        [source, twice],
        1,
        out / "loop.png",
    )
    steps, bends, cut = [], [], []
    for track in [*recordings.tracks("loop", count // 2), *recordings.tracks("texture", count // 2)]:
        made = loop(model, track, bars=1, bpm=120, seed=1)[0]
        steps.append(joint(made, 1))
        bends.append(joint(made, 2))
        cut.append(joint(track.crop(made.frames), 1))
    numbers = f"{max(steps):.2f}; {max(cut):.2f}"
    yield "loop", "step at the joint, of the largest inside (most; merely cut)", numbers
    yield "loop", "bend at the joint, of the largest inside (most)", f"{max(bends):.2f}"


def of_upscale(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    source = recordings.hits("snare", 1)[0]
    dull = source.resample(11025)
    made = upscale(model, dull, 2, label="snare", seed=1)
    names = ["a snare at 11 kHz", "completed, 0", "completed, 1", "as it was (recording)"]
    draw(names, [dull.resample(source.rate), *made, source], 4, out / "upscale.png")
    kept, before, after = [], [], []
    for label in LABELS:
        for sound in recordings.hits(label, max(1, count // len(LABELS))):
            low = sound.resample(11025)
            full = upscale(model, low, label=label, seed=1)[0]
            given = low.resample(full.rate).crop(full.frames)
            kept.append(snr(band(given, 4500), band(full.channels_as(given.channels), 4500)))
            before.append(distance(low.resample(sound.rate), sound))
            after.append(distance(full, sound))
    yield (
        "upscale",
        "what is kept below 4.5 kHz, SNR dB (median, least)",
        f"{median(kept):.0f}, {min(kept):.0f}",
    )
    numbers = f"{median(before):.1f}, {median(after):.1f}"
    yield "upscale", "mel distance to the true sound, dB (at 11 kHz, completed)", numbers


def of_clean(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    source = recordings.hits("hihat", 1)[0]
    noisy = hissing(source)
    names = ["a hi-hat under noise", "cleaned", "as it was (recording)"]
    draw(names, [noisy, *clean(model, noisy), source], 3, out / "clean.png")
    before, after, kept = [], [], []
    for sound in recordings.all_hits(count):
        under = hissing(sound)
        plain = sound.crop(under.frames)
        before.append(snr(plain, under))
        after.append(snr(plain, clean(model, under)[0]))
        kept.append(snr(plain, clean(model, plain)[0]))
    numbers = f"{median(before):.1f}, {median(after):.1f}"
    yield "clean", "SNR under white noise, dB (before, after; medians)", numbers
    yield "clean", "SNR of recordings without noise after cleaning, dB (median)", f"{median(kept):.0f}"


def of_steer(model: Model, recordings: Recordings, count: int, out: Path) -> Iterator[Row]:
    if model.timbre is None:
        return
    names, sounds = [], []
    for row in range(2):
        for percentile in (5, 25, 50, 75, 95):
            guide = [{"timbre": "brightness", "percentile": percentile}]
            sounds += generate(model, label="snare", seed=1, first=row, guide=guide)
            names.append(f"brightness={percentile}")
    draw(names, sounds, 5, out / "steer.png")
    yield from ()


PARTS: dict[str, Callable[[Model, Recordings, int, Path], Iterator[Row]]] = {
    "vary": of_vary,
    "restyle": of_restyle,
    "morph": of_morph,
    "inpaint": of_inpaint,
    "loop": of_loop,
    "upscale": of_upscale,
    "clean": of_clean,
    "steer": of_steer,
}


def draw(names: Sequence[str], sounds: Sequence[Sound], columns: int, path: Path) -> None:
    """Mel spectrograms with their names above, row by row, all of one duration and each down to -80 dB."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = -(-len(sounds) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(10, 0.3 + 1.9 * rows), dpi=100, squeeze=False)
    longest = max(sound.seconds for sound in sounds)
    for axis in axes.flat[len(sounds) :]:
        axis.axis("off")
    for axis, name, sound in zip(axes.flat, names, sounds, strict=False):
        whole = sound.mono().crop(round(longest * sound.rate))
        mel = LogMel(sound.rate, 96, 1024, 128)(whole.tensor()[None])[0]
        axis.imshow(
            mel, origin="lower", aspect="auto", extent=(0, longest, 0, 1), cmap="magma", vmin=-80, vmax=0
        )
        axis.set_title(name, fontsize=11)
        axis.set_yticks([])
        axis.tick_params(labelsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("seconds", fontsize=9)
    axes[0, 0].set_ylabel("mel, 20 Hz to top", fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def image_and_dc(verb: str, pairs: Sequence[tuple[Sound, Sound]]) -> Iterator[Row]:
    """DC of the results, and how alike their channels are beside those of the recordings."""
    before, after = (max(sound.levels().dc_db for sound in sounds) for sounds in zip(*pairs, strict=True))
    yield verb, "DC, dBFS (most; before, after)", f"{before:.0f}, {after:.0f}"
    stereo = [(alike(source), alike(made)) for source, made in pairs if source.channels == 2]
    if stereo:
        before, after = (median(values) for values in zip(*stereo, strict=True))
        apart = median(abs(a - b) for a, b in stereo)
        yield (
            verb,
            "correlation of channels (before, after, median change)",
            f"{before:.2f}, {after:.2f}, {apart:.2f}",
        )


def alike(sound: Sound) -> float:
    """Correlation of left and right; 1 for mono."""
    left, right = sound.samples[:2].astype(float)
    power = np.sqrt(np.square(left).sum() * np.square(right).sum())
    return float((left * right).sum() / max(power, 1e-12))


def level_jumps(source: Sound, made: Sound, places: Sequence[int]) -> list[float]:
    """How much more the level changes at places than it does in the source, dB, from 50 ms to 50 ms."""

    def change(sound: Sound, place: int) -> float:
        width = round(0.05 * sound.rate)
        sides = sound.samples[:, max(0, place - width) : place], sound.samples[:, place : place + width]
        before, after = (np.square(side, dtype=float).mean() + 1e-7 for side in sides)
        return decibels(after / before)

    return [abs(change(made, place) - change(source, place)) for place in places]


def loudest(sound: Sound) -> float:
    """Level of the loudest 50 ms, dB."""
    power = np.pad(np.square(sound.samples).mean(axis=0), (0, sound.rate // 20))
    running = np.cumsum(power)
    return decibels(float((running[sound.rate // 20 :] - running[: -(sound.rate // 20)]).max()))


def steepest(sound: Sound, place: int, width: int = 0) -> float:
    """Largest difference between neighbours within 3 ms (or `width` frames) of a place."""
    width = width or round(0.003 * sound.rate)
    part = sound.samples[:, max(0, place - width) : place + width]
    return float(np.abs(np.diff(part)).max(initial=0)) + 1e-9


def joint(sound: Sound, order: int) -> float:
    """Differences of an order across the joint of a loop, as a share of the largest inside."""
    turned = np.concatenate([sound.samples, sound.samples[:, :order]], axis=1)
    steps = np.abs(np.diff(turned, n=order)).max(0)
    return float(steps[-order:].max() / steps[:-order].max())


def hissing(sound: Sound) -> Sound:
    """The sound and a moment after it, under white noise 30 dB below its peak."""
    longer = sound.crop(sound.frames + round(0.1 * sound.rate))
    noise = np.random.default_rng(0).standard_normal(longer.samples.shape)
    return Sound(longer.samples + sound.peak * 10 ** (-30 / 20) * noise, sound.rate)


def band(sound: Sound, highest: float) -> Sound:
    """What lies below a frequency in Hz."""
    spectrum = np.fft.rfft(sound.samples)
    inside = np.fft.rfftfreq(sound.frames, 1 / sound.rate) < highest
    return Sound(np.fft.irfft(spectrum * inside, sound.frames), sound.rate)


def snr(sound: Sound, other: Sound) -> float:
    """How nearly another sound is this one, dB; infinite if it is."""
    frames = min(sound.frames, other.frames)
    one, two = (s.samples[:, :frames].astype(float) for s in (sound, other))
    lost = np.square(one - two).sum()
    return decibels(np.square(one).sum() / lost) if lost else np.inf


def decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds that some work takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    main()
