"""Which distance detects which damage, and at which strength? Tables for the docs.

    python benchmarks/validate_distances.py DRUMS DRUMS2 TONES [--cache FOLDER] [--json FILE] [--markdown
    FILE]

A metric earns its place by damage. Real sounds of sources that no embedding was trained on are divided into
two halves at random, label by label. One half is the reference; the other is compared with it as it is, then
damaged more and more. A distance detects a step if it, and every stronger one, lies above all of 40
comparisons of two undamaged halves. A distance that does not detect randomised phases may not choose a
model: `--json` writes the file that `wavesmith.evaluation.trust` reads.

With `--cache` vectors are kept, and only new ones are computed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from train_multires import divided

from wavesmith.data import SoundDataset
from wavesmith.descriptors import resample
from wavesmith.embeddings import load_embedding
from wavesmith.evaluation import degradations, frechet_audio_distance, kernel_audio_distance, overlap
from wavesmith.measures import measure, standardised

RATE = 44_100
SPLITS = 40
MEASURES = "measures"
SEED = 1

Space = Callable[[Tensor], Tensor]
Distance = Callable[[Tensor, Tensor], float]
"""Of vectors `[N, D]` from those of a reference."""


class Sounds(NamedTuple):
    """`waves` `[N, 2, frames]`, the `label` of each, and the `group` (source) that it is of."""

    waves: Tensor
    labels: np.ndarray
    groups: np.ndarray

    def at(self, indices: np.ndarray) -> Sounds:
        return Sounds(self.waves[torch.from_numpy(indices)], self.labels[indices], self.groups[indices])


Step = tuple[str, Callable[[Sounds], Sounds]]
Values = dict[str, list[tuple[str, float]]]
"""By kind of damage: the strength and the value of each step."""


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    sounds = held_out(options.data, options.seconds, options.labels, options.most)
    order = np.random.default_rng(SEED).permutation(len(sounds.labels))
    order = order[np.argsort(sounds.labels[order], kind="stable")]
    reference, other = sounds.at(order[::2]), sounds.at(order[1::2])
    print(f"{len(reference.labels)} and {len(other.labels)} sounds", file=sys.stderr, flush=True)
    spaces = {name: space_of(name) for name in options.embeddings}
    bands: dict[str, list[float]] = {}
    found: dict[str, Values] = {}
    vectors_by_name = {
        name: vectors_of(space, name, sounds.waves, options.cache) for name, space in spaces.items()
    }
    for name, vectors in vectors_by_name.items():
        for kind, distance in distances_of(name, len(reference.labels), vectors.shape[1]).items():
            bands[f"{name}, {kind}"] = [
                distance(vectors[one], vectors[two]) for one, two in half_splits(sounds.labels)
            ]
            found[f"{name}, {kind}"] = {}
    for kind, steps in damages().items():
        print(kind, file=sys.stderr, flush=True)
        for strength, damage in steps:
            waves = damage(other).waves
            for name, space in spaces.items():
                target = vectors_by_name[name][torch.from_numpy(order[::2])]
                vectors = vectors_of(space, name, waves, options.cache)
                for how, distance in distances_of(name, len(target), target.shape[1]).items():
                    values = found[f"{name}, {how}"].setdefault(kind, [])
                    values.append((strength, distance(vectors, target)))
        write(options, bands, found, len(reference.labels))


def write(
    options: argparse.Namespace, bands: dict[str, list[float]], found: dict[str, Values], sounds: int
) -> None:
    """Write tables as far as they are done."""
    tables = [summary(bands, found), *(values_table(name, bands[name], found[name]) for name in found)]
    text = "\n\n".join(tables) + "\n"
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        content = as_json(bands, found, sounds)
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Validate distances by controlled damage.")
    parser.add_argument(
        "data", nargs="+", type=Path, help="the folders that multires was trained on, drums first"
    )
    parser.add_argument("--embeddings", nargs="+", default=[MEASURES, "multires", "mel_cnn", "statistics"])
    parser.add_argument("--labels", nargs="*", help="only these labels")
    parser.add_argument("--seconds", type=float, default=0.75)
    parser.add_argument("--most", type=int, default=340, help="sounds, evenly spaced")
    parser.add_argument("--cache", type=Path, help="folder for vectors")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def held_out(folders: list[Path], seconds: float, labels: list[str] | None, most: int) -> Sounds:
    """All sounds of sources that nothing was trained on, in stereo."""
    waves, names, groups = [], [], []
    for folder, files in divided(folders, 0.1)[1]:
        chosen = [file for file in files if file.label and (not labels or file.label in labels)]
        if chosen:
            dataset = SoundDataset(folder, chosen, rate=RATE, channels=2, length=round(seconds * RATE))
            waves += [dataset[index].wave for index in range(len(chosen))]
            names += [file.label for file in chosen]
            groups += [file.group for file in chosen]
    sounds = Sounds(torch.stack(waves), np.array(names), np.array(groups))
    return sounds.at(np.linspace(0, len(waves) - 1, min(most, len(waves))).round().astype(int))


def half_splits(labels: np.ndarray) -> list[tuple[Tensor, Tensor]]:
    """Indices of two halves of every label, drawn at random many times."""
    found = []
    for seed in range(SPLITS):
        order = np.random.default_rng((SEED, seed)).permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        found.append((torch.from_numpy(order[1::2].copy()), torch.from_numpy(order[::2].copy())))
    return found


def damages() -> dict[str, list[Step]]:
    """Every kind of damage at four rising strengths."""

    def steps(change: Callable[[Tensor, float], Tensor], strengths: dict[str, float]) -> list[Step]:
        return [
            (name, lambda sounds, value=value: sounds._replace(waves=change(sounds.waves, value)))
            for name, value in strengths.items()
        ]

    hurt = degradations
    shares = {"10 %": 0.1, "25 %": 0.25, "50 %": 0.5, "100 %": 1.0}
    return {
        "phases randomised, windows of 512": steps(lambda w, s: hurt.randomise_phases(w, 512, s), shares),
        "phases randomised, windows of 2,048": steps(lambda w, s: hurt.randomise_phases(w, 2048, s), shares),
        "tones replaced by noise": steps(hurt.tones_to_noise, {"50 %": 0.5, "100 %": 1.0}),
        "hiss, re the peak": steps(hurt.hiss, {f"{db} dB": db for db in (-60, -50)}),
        "low-pass": steps(
            lambda w, f: hurt.low_pass(w, RATE, f), {f"{khz} kHz": 1000 * khz for khz in (12, 6)}
        ),
        "tail cut after": steps(
            lambda w, ms: hurt.cut_tail(w, RATE, ms), {f"{ms} ms": ms for ms in (250, 80)}
        ),
        "tail damped by 60 dB in": steps(
            lambda w, ms: hurt.damp_tail(w, RATE, ms), {f"{ms} ms": ms for ms in (800, 200)}
        ),
        "pre-echo of 20 ms, below the attack": steps(
            lambda w, db: hurt.pre_echo(w, RATE, db), {f"{db} dB": db for db in (40, 20)}
        ),
        "attack smeared": steps(
            lambda w, ms: hurt.soften_attack(w, RATE, ms), {f"{ms} ms": ms for ms in (3, 15)}
        ),
        "time smeared": steps(lambda w, ms: hurt.smear(w, RATE, ms), {f"{ms} ms": ms for ms in (30, 120)}),
        "gaps of 12 ms": steps(lambda w, number: hurt.gaps(w, RATE, number), {f"{n} /s": n for n in (1, 5)}),
        "clipping, below the peak": steps(hurt.clip, {f"{db} dB": db for db in (3, 12)}),
        "made mono": steps(hurt.narrow, {"90 %": 0.9, "100 %": 1.0}),
        "sources dropped": [
            (f"{share:.0%}".replace("%", " %"), lambda sounds, share=share: without_sources(sounds, share))
            for share in (0.5, 0.9)
        ],
    }


def without_sources(sounds: Sounds, share: float) -> Sounds:
    """As many sounds of each label as before, of fewer sources: some come several times."""
    random = np.random.default_rng(2)
    kept = []
    for label in np.unique(sounds.labels):
        own = np.flatnonzero(sounds.labels == label)
        groups = np.random.default_rng(3).permutation(np.unique(sounds.groups[own]))
        left = groups[: max(1, round(len(groups) * (1 - share)))]
        kept.append(random.choice(own[np.isin(sounds.groups[own], left)], len(own)))
    return sounds.at(np.concatenate(kept))


def space_of(name: str) -> Space:
    """Return the function from waves to vectors: an embedding, or all measures."""
    if name == MEASURES:
        return lambda waves: torch.from_numpy(measure(waves.numpy(), RATE))
    embedding = load_embedding(name)
    return lambda waves: embedding(resample(waves, RATE, embedding.rate))


@torch.no_grad()
def vectors_of(space: Space, name: str, waves: Tensor, cache: Path | None) -> Tensor:
    """Return vectors `[N, D]` of waves `[N, C, frames]`, from the cache where it has them."""
    if name != MEASURES:  # embeddings average channels
        waves = (waves.mean(dim=1, keepdim=True) * 2**22).round() / 2**22
    keys = [hashlib.sha256(wave.numpy().tobytes()).hexdigest()[:24] for wave in waves]
    known: dict[str, np.ndarray] = {}
    place = cache / f"{name}.npz" if cache else None
    if place and place.is_file():
        known = dict(np.load(place))
    missing = list({key: index for index, key in enumerate(keys) if key not in known}.values())
    for start in range(0, len(missing), 16):
        part = missing[start : start + 16]
        vectors = space(waves[part]).numpy()
        known |= {keys[index]: vector for index, vector in zip(part, vectors, strict=True)}
    if place and missing:
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez(place, **known)
    return torch.from_numpy(np.stack([known[key] for key in keys]))


def distances_of(name: str, sounds: int, dimensions: int) -> dict[str, Distance]:
    """Every distance in one space; the Frechet distance takes as many sounds as dimensions."""

    def prepared(distance: Distance) -> Distance:
        if name != MEASURES:
            return distance
        return lambda one, two: distance(*(torch.from_numpy(standardised(x, two)) for x in (one, two)))

    found: dict[str, Distance] = {"KAD": prepared(kernel_audio_distance)}
    if sounds >= dimensions:
        found["FAD"] = prepared(frechet_audio_distance)
    found["1 - coverage"] = prepared(lambda one, two: 100 * (1 - overlap(one, two).coverage))
    return found


def detected(steps: list[tuple[str, float]], most: float) -> int:
    """The first step from which on all values lie above those of undamaged sounds; `len(steps)` for none."""
    first = len(steps)
    while first and steps[first - 1][1] > most:
        first -= 1
    return first


def summary(bands: dict[str, list[float]], found: dict[str, Values]) -> str:
    """Markdown: the mildest step that each distance detects, and how many times the band the strongest is."""
    names = list(found)
    lines = [
        f"| damage, in rising steps | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
        "| *undamaged halves: mean, highest of 40* | "
        + " | ".join(f"*{np.mean(bands[name]):.1f}, {max(bands[name]):.1f}*" for name in names)
        + " |",
    ]
    for kind, steps in next(iter(found.values())).items():
        cells = []
        for name in names:
            values = found[name][kind]
            first = detected(values, max(bands[name]))
            cells.append(f"{values[first][0]} ({values[-1][1]:.1f})" if first < len(values) else "-")
        lines.append(f"| {kind}: {', '.join(step for step, _ in steps)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def values_table(name: str, band: list[float], kinds: Values) -> str:
    """Markdown of all values of one distance; a star marks one that did not grow."""
    lines = [
        f"### {name}",
        "",
        f"Undamaged halves: {np.mean(band):.2f} on average, at most {max(band):.2f}.",
        "",
        "| damage | strength: value |",
        "|---|---|",
    ]
    for kind, steps in kinds.items():
        values = [value for _, value in steps]
        grown = [True, *(b > a for a, b in pairwise(values))]
        cells = [
            f"{strength}: {value:.2f}{'' if up else ' *'}"
            for (strength, value), up in zip(steps, grown, strict=True)
        ]
        lines.append(f"| {kind} | {', '.join(cells)} |")
    return "\n".join(lines)


def as_json(bands: dict[str, list[float]], found: dict[str, Values], sounds: int) -> dict[str, object]:
    return {
        "sounds": sounds,
        "distances": {
            name: {
                "undamaged": [round(float(np.mean(bands[name])), 3), round(max(bands[name]), 3)],
                "damage": {
                    kind: [[strength, round(value, 3)] for strength, value in steps]
                    for kind, steps in kinds.items()
                },
            }
            for name, kinds in found.items()
        },
    }


if __name__ == "__main__":
    main()
