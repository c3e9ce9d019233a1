"""Do the distances grow with damage, and are they near zero for real sounds? A table for docs/embeddings.md.

    python benchmarks/validate_distances.py DATA [--embeddings statistics mel_cnn] [--sounds 400]

Real sounds are drawn, as many of each label, and divided into two halves at random. One half is the
reference; the other is compared with it as it is, then damaged more and more. Each line of the table begins
with the undamaged half. Levels are chosen from hardly audible to ruinous.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wavesmith.data import ScannedFile, SoundDataset, scan
from wavesmith.descriptors import resample
from wavesmith.embeddings import Embedding, load_embedding
from wavesmith.evaluation import degradations, frechet_audio_distance, kernel_audio_distance, overlap

MEASURES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "FAD": frechet_audio_distance,
    "KAD": kernel_audio_distance,
    "1 - precision": lambda generated, real: 1 - overlap(generated, real).precision,
    "1 - coverage": lambda generated, real: 1 - overlap(generated, real).coverage,
}
RATE = 44_100
SHARES = (0.25, 0.5, 0.75, 1.0)


class Sounds(NamedTuple):
    """`waves` `[N, 1, frames]`, the `label` of each, and the `group` (source) that it is of."""

    waves: Tensor
    labels: np.ndarray
    groups: np.ndarray

    def at(self, indices: np.ndarray) -> Sounds:
        return Sounds(self.waves[torch.from_numpy(indices)], self.labels[indices], self.groups[indices])


Levels = list[tuple[str, Callable[[Sounds], Sounds]]]


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    embeddings = [load_embedding(name) for name in options.embeddings]
    tables = results(embeddings, drawn(options.data, options.sounds, options.seconds, options.licence_basis))
    for embedding in embeddings:
        print(table(embedding.name, tables[embedding.name]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Validate distances by controlled degradations.")
    parser.add_argument("data", type=Path, help="folder with one sub-folder for each label")
    parser.add_argument("--embeddings", nargs="+", default=["statistics", "mel_cnn"])
    parser.add_argument("--sounds", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--licence-basis", default="granted by the rights holder")
    return parser.parse_args()


def drawn(folder: Path, count: int, seconds: float, basis: str) -> Sounds:
    """As many sounds of each label, at random."""
    files = [file for file in scan(folder).files if file.label and file.licence_basis == basis]
    by_label: defaultdict[str | None, list[ScannedFile]] = defaultdict(list)
    for file in np.random.default_rng(0).permutation(np.array(files, dtype=object)):
        by_label[file.label].append(file)
    chosen = [file for some in by_label.values() for file in some[: count // len(by_label)]]
    dataset = SoundDataset(
        folder, chosen, rate=RATE, channels=1, length=round(seconds * RATE), memory=1 << 40
    )
    return Sounds(
        torch.stack([dataset[index].wave for index in range(len(chosen))]),
        np.array([file.label for file in chosen]),
        np.array([file.group for file in chosen]),
    )


def halves(sounds: Sounds) -> tuple[Sounds, Sounds]:
    """Divide every label in two, at random."""
    order = np.random.default_rng(1).permutation(len(sounds.labels))
    order = order[np.argsort(sounds.labels[order], kind="stable")]
    return sounds.at(order[::2]), sounds.at(order[1::2])


def damages() -> dict[str, Levels]:
    """Every kind of damage at rising levels."""

    def waves(change: Callable[[Tensor], Tensor]) -> Callable[[Sounds], Sounds]:
        return lambda sounds: sounds._replace(waves=change(sounds.waves))

    return {
        "noise": [(f"{db} dB", waves(lambda w, db=db: degradations.noise(w, db))) for db in (40, 20, 10, 0)],
        "low-pass": [
            (f"{khz} kHz", waves(lambda w, khz=khz: degradations.low_pass(w, RATE, 1000 * khz)))
            for khz in (12, 6, 3, 1)
        ],
        "clipping": [
            (f"{db} dB", waves(lambda w, db=db: degradations.clip(w, db))) for db in (6, 12, 24, 36)
        ],
        "time smear": [
            (f"{ms} ms", waves(lambda w, ms=ms: degradations.smear(w, RATE, ms))) for ms in (20, 60, 180, 540)
        ],
        "sources dropped": [
            (f"{share:.0%}", lambda s, share=share: without_sources(s, share))
            for share in (0.25, 0.5, 0.75, 0.9)
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


Row = tuple[str, list[tuple[str, dict[str, float]]]]


def results(embeddings: list[Embedding], sounds: Sounds) -> dict[str, list[Row]]:
    """Rows of the table of each embedding."""
    reference, other = halves(sounds)
    real, whole = embedded(embeddings, reference), embedded(embeddings, other)
    rows: dict[str, list[Row]] = {name: [] for name in real}
    for kind, levels in damages().items():
        print(kind, file=sys.stderr, flush=True)
        damaged = {"0": whole} | {level: embedded(embeddings, hurt(other)) for level, hurt in levels}
        for name in rows:
            rows[name].append(
                (kind, [(level, measured(of[name], real[name])) for level, of in damaged.items()])
            )
    for name in rows:
        rows[name].append(("labels swapped", list(swapped(reference, other, real[name], whole[name]))))
    return rows


def swapped(
    reference: Sounds, other: Sounds, real: Tensor, whole: Tensor
) -> Iterator[tuple[str, dict[str, float]]]:
    """A share of the sounds of each label is of the other labels; measures are means over labels.

    A label has too few sounds for the Frechet distance.
    """
    random = np.random.default_rng(4)
    order = {
        label: random.permutation(np.flatnonzero(other.labels == label)) for label in np.unique(other.labels)
    }
    strangers = {label: random.permutation(np.flatnonzero(other.labels != label)) for label in order}
    measures = {name: measure for name, measure in MEASURES.items() if name != "FAD"}
    for share in (0.0, *SHARES):
        found = []
        for label, own in order.items():
            count = round(share * len(own))
            mixed = np.concatenate([own[count:], strangers[label][:count]])
            wanted = np.flatnonzero(reference.labels == label)
            one, two = whole[torch.from_numpy(mixed)], real[torch.from_numpy(wanted)]
            found.append({name: measure(one, two) for name, measure in measures.items()})
        yield f"{share:.0%}", {name: float(np.mean([one[name] for one in found])) for name in measures}


@torch.no_grad()
def embedded(embeddings: list[Embedding], sounds: Sounds) -> dict[str, Tensor]:
    """Vectors of all sounds by each embedding."""
    return {
        embedding.name: torch.cat(
            [embedding(resample(part, RATE, embedding.rate)) for part in sounds.waves.split(32)]
        )
        for embedding in embeddings
    }


def measured(generated: Tensor, real: Tensor) -> dict[str, float]:
    return {name: measure(generated, real) for name, measure in MEASURES.items()}


def table(name: str, rows: list[Row]) -> str:
    """Markdown; a star marks a value that did not grow."""
    lines = [
        f"### `{name}`",
        "",
        "| damage | measure | real | rising damage | | | |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, levels in rows:
        named = ", ".join(level for level, _ in levels[1:])
        for measure in levels[0][1]:
            values = [found[measure] for _, found in levels]
            grown = [True, *(b > a for a, b in pairwise(values))]
            cells = [f"{value:.2f}{'' if up else ' *'}" for value, up in zip(values, grown, strict=True)]
            lines.append(f"| {kind}: {named} | {measure} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
