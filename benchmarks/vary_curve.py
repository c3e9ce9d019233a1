"""How even the amount of `vary` is: mel distance from source to variation over the amount, on real drums.

python benchmarks/vary_curve.py DRUMS --model drums --sounds 12 --out docs/images/vary-curve.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

import matplotlib
import torch

from wavesmith.data import scan
from wavesmith.models import load
from wavesmith.sound import Sound
from wavesmith.verbs import vary
from wavesmith.verbs.like import distance

AMOUNTS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="drums")
    parser.add_argument("--sounds", type=int, default=12, help="per label")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, files = load(options.model), scan(options.data).files
    curves: dict[str, list[float]] = {}
    for label in model.labels:
        paths = [options.data / file.path for file in files if file.label == label]
        chosen = [
            Sound.read(path) for path in paths[:: max(1, len(paths) // options.sounds)][: options.sounds]
        ]
        curves[label] = [
            median(distance(vary(model, sound, 1, amount=amount, seed=0)[0], sound) for sound in chosen)
            for amount in AMOUNTS
        ]
        print(label, [round(value, 2) for value in curves[label]], flush=True)
    draw(curves, options.out)


def draw(curves: dict[str, list[float]], path: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), dpi=120)
    for label, values in curves.items():
        axes.plot(AMOUNTS, values, label=label, alpha=0.6)
    overall = [median(values) for values in zip(*curves.values(), strict=True)]
    axes.plot(AMOUNTS, overall, "k", linewidth=2, label="median")
    axes.set(xlabel="amount", ylabel="mel distance to the source, dB", xlim=(0, 1), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
