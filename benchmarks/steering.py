"""How well sounds can be steered: requested against measured timbre, and whether they still sound right.

    python benchmarks/steering.py --model drums --classifier CLASSIFIER --sounds 100 --out runs/steering

For every timbre, sounds of all labels are requested at percentiles spread over 5 to 95. Reported are
Spearman's rank correlation of requested and measured values, the median distance in percentiles, and the
share of sounds whose requested label an independent classifier (a folder that
`benchmarks/train_classifier.py` wrote; not a guide) predicts, beside the same without steering.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from wavesmith.classifiers import Classifier, predict
from wavesmith.descriptors import TIMBRES, Timbre
from wavesmith.models import Model, load
from wavesmith.sound import Sound
from wavesmith.verbs import generate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="drums")
    parser.add_argument("--classifier", type=Path, required=True)
    parser.add_argument("--sounds", type=int, default=100, help="per timbre")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    model, classifier = load(options.model), Classifier.load(options.classifier)
    labels = [model.labels[k % len(model.labels)] for k in range(options.sounds)]
    plain = [made(model, label, k, options.seed) for k, label in enumerate(labels)]
    rows = {"(none)": {"accuracy": accuracy(classifier, plain, labels)}}
    print(f"without steering: accuracy {rows['(none)']['accuracy']:.1%}", flush=True)
    percentiles = np.random.default_rng(options.seed).permutation(np.linspace(5, 95, options.sounds))
    for timbre in TIMBRES:
        guides = [{"timbre": timbre, "percentile": float(p)} for p in percentiles]
        sounds = [made(model, label, k, options.seed, guide=[guides[k]]) for k, label in enumerate(labels)]
        steered, unsteered = (percentiles_of(model, timbre, some, labels) for some in (sounds, plain))
        rows[timbre] = {
            "rho": spearman(percentiles, steered),
            "rho_unsteered": spearman(percentiles, unsteered),
            "apart": median(abs(a - b) for a, b in zip(percentiles, steered, strict=True)),
            "accuracy": accuracy(classifier, sounds, labels),
        }
        print(f"{timbre:11s} {rows[timbre]}", flush=True)
    (options.out / "steering.json").write_text(json.dumps(rows, indent=1) + "\n")
    (options.out / "steering.md").write_text(table(rows))


def made(model: Model, label: str, index: int, seed: int, **choices: Any) -> Sound:
    return generate(model, 1, label=label, seed=seed, first=index, **choices)[0]


@torch.no_grad()
def percentiles_of(model: Model, timbre: str, sounds: list[Sound], labels: list[str]) -> list[float]:
    assert model.timbre
    measure = Timbre(model.rate)
    values = [float(measure(sound.tensor()[None])[timbre]) for sound in sounds]
    return [
        model.timbre.percentile(timbre, value, {label: 1.0})
        for value, label in zip(values, labels, strict=True)
    ]


def accuracy(classifier: Classifier, sounds: list[Sound], labels: list[str]) -> float:
    waves = torch.stack([sound.mono().tensor() for sound in sounds])
    expected = torch.tensor([classifier.classes.index(label) for label in labels])
    return float((predict(classifier, waves) == expected).float().mean())


def spearman(first: object, second: object) -> float:
    ranks = [np.argsort(np.argsort(np.asarray(values))) for values in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def table(rows: dict[str, dict[str, float]]) -> str:
    lines = [
        "| timbre | rank correlation | without steering | median distance, percentiles | accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if name == "(none)":
            lines.append(f"| (not steered) | - | - | - | {row['accuracy']:.0%} |")
        else:
            numbers = f"{row['rho']:.2f} | {row['rho_unsteered']:.2f} | {row['apart']:.0f}"
            lines.append(f"| {name} | {numbers} | {row['accuracy']:.0%} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
