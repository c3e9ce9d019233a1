"""Train classifiers on a labelled folder.

    python benchmarks/train_classifier.py DATA --out DIR

DIR/a is trained on every sound and measures generators. DIR/b is trained without some groups of related
sounds; its accuracy on those groups says how far a classifier can be trusted. Both come with a report.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from wavesmith.classifiers import ClassifierReport, train_classifier
from wavesmith.data.dataset import SoundDataset
from wavesmith.data.scan import ScannedFile, scan
from wavesmith.data.split import split


def main() -> None:
    options = arguments()
    files = [file for file in scan(options.data).files if file.label is not None]
    if options.licence_basis:
        files = [file for file in files if file.licence_basis == options.licence_basis]
    dataset = SoundDataset(
        options.data, files, rate=options.rate, channels=1, length=options.length, memory=1 << 40
    )
    waves = torch.stack([dataset[index].wave for index in range(len(dataset))])
    for name in options.classifiers:
        held_out = withheld(files, options.held_out, options.seed) if name == "b" else None
        classifier, report = train_classifier(
            waves,
            dataset.label_indices,
            dataset.labels,
            rate=options.rate,
            held_out=held_out,
            steps=options.steps,
            seed=options.seed,
            progress=show,
        )
        classifier.save(options.out / name)
        (options.out / name / "report.json").write_text(report.model_dump_json(indent=2) + "\n")
        print(summary(name, report))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train classifiers on a folder of labelled sounds.")
    parser.add_argument("data", type=Path, help="folder with one sub-folder for each label")
    parser.add_argument("--out", type=Path, required=True, help="where to write the classifiers a and b")
    parser.add_argument("--classifiers", nargs="+", choices=["a", "b"], default=["a", "b"])
    parser.add_argument("--licence-basis", help="use only files whose manifest entry says so")
    parser.add_argument("--held-out", type=float, default=0.2, help="share of every label (classifier b)")
    parser.add_argument("--rate", type=int, default=44100, help="Hz")
    parser.add_argument("--length", type=int, default=44032, help="frames of each sound")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def withheld(files: list[ScannedFile], share: float, seed: int) -> torch.Tensor:
    """Which files belong to the groups that are held out."""
    held = {file.path for file in split(files, share, seed)[1]}
    return torch.tensor([file.path in held for file in files])


def show(step: int, steps: int, loss: float) -> None:
    if step % 100 == 0:
        print(f"step {step} of {steps}, loss {loss:.3f}", file=sys.stderr, flush=True)


def summary(name: str, report: ClassifierReport) -> str:
    text = f"classifier {name}: {report.trained_on} sounds, accuracy on them {report.accuracy:.1%}"
    if report.held_out_accuracy is None:
        return text
    rows = "\n".join(
        f"  {label}: {row}" for label, row in zip(report.classes, report.confusion or [], strict=True)
    )
    return f"{text}, on {report.held_out} held-out sounds {report.held_out_accuracy:.1%}\n{rows}"


if __name__ == "__main__":
    main()
