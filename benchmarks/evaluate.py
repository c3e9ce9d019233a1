"""Measure a model of one-shots as its card and docs/drums-model.md report it.

    python benchmarks/evaluate.py DRUMS --model drums --judge JUDGE --out runs/evaluation

Makes `--sounds` sounds per label with the model's own defaults, judges them (JUDGE: a folder that
`benchmarks/train_judge.py` wrote) beside the held-out real ones; writes `evaluation.json`, `evaluation.md`
and a picture of real and generated sounds.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from statistics import median

from rich.progress import track

from wavesmith.data import ScannedFile, SoundDataset, scan, split
from wavesmith.evaluation import Evaluation, evaluate
from wavesmith.evaluation.checkups import Hygiene
from wavesmith.judges import Judge
from wavesmith.models import Model, load
from wavesmith.picture import side_by_side
from wavesmith.sound import Sound
from wavesmith.training import read_recipe
from wavesmith.verbs import stream

Labelled = dict[str, list[Sound]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="drums")
    parser.add_argument("--recipe", default="drums", help="recipe whose split and licence basis apply")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--sounds", type=int, default=100, help="per label")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    model, judge = load(options.model), Judge.load(options.judge)
    recipe = read_recipe(options.recipe)
    files = [f for f in scan(options.data).files if recipe.data.basis in (None, f.licence_basis)]
    kept, held = split(files, recipe.training.held_out, recipe.training.seed)
    training, unseen = real(options.data, kept, model), real(options.data, held, model)
    made = {label: generated(model, label, options.sounds, options.seed) for label in model.labels}
    flat = [sound for sounds in unseen.values() for sound in sounds]
    report = evaluate(made, training, judge, held_out=flat)
    baseline = evaluate({label: s for label, s in unseen.items() if len(s) > 3}, training, judge)
    (options.out / "evaluation.json").write_text(report.model_dump_json(indent=1) + "\n")
    text = table(report, baseline)
    (options.out / "evaluation.md").write_text(text)
    print(text)
    side_by_side(
        {label: spread(sounds, 16) for label, sounds in training.items()},
        {label: sounds[:16] for label, sounds in made.items()},
        options.out / "real-and-generated.png",
        title="16 training sounds (left) and the first 16 generated ones (right) per label",
    )


def real(folder: Path, files: list[ScannedFile], model: Model) -> Labelled:
    """The real sounds as the model met them."""
    config = model.family.config
    data = SoundDataset(
        folder, files, rate=config.rate, channels=config.channels, length=config.length, labels=config.labels
    )
    sounds: Labelled = {label: [] for label in config.labels}
    for i in range(len(data)):
        item = data[i]
        sounds[config.labels[item.label]].append(Sound.from_tensor(item.wave, config.rate))
    return sounds


def generated(model: Model, label: str, n: int, seed: int) -> list[Sound]:
    return list(track(stream(model, n, label=label, seed=seed), f"making {label}", total=n))


def spread(sounds: list[Sound], n: int) -> list[Sound]:
    """`n` of them, evenly picked."""
    return [sounds[i * len(sounds) // n] for i in range(min(n, len(sounds)))]


def table(report: Evaluation, baseline: Evaluation) -> str:
    """What was measured, in Markdown: generated beside held-out real sounds."""
    rows = [("named as asked, overall", share(report.overall.accuracy), share(baseline.overall.accuracy))]
    for label, likeness in report.labels.items():
        other = baseline.labels.get(label)
        rows.append(
            (f"named as asked, {label}", share(likeness.accuracy), share(other.accuracy) if other else "-")
        )
    rows.append(
        ("Frechet distance to training", f"{report.overall.frechet:.1f}", f"{baseline.overall.frechet:.1f}")
    )
    rows.append(
        ("kernel distance to training", f"{report.overall.kernel:.4f}", f"{baseline.overall.kernel:.4f}")
    )
    near, other = report.novelty, baseline.novelty
    rows.append(("nearest training sound, median dB", f"{near.to_training:.2f}", f"{other.to_training:.2f}"))
    rows.append(("nearest other of the set, median dB", f"{near.among:.2f}", f"{other.among:.2f}"))
    rows.append(("the two most alike of the set, dB", f"{near.closest:.2f}", f"{other.closest:.2f}"))
    for name, ours, theirs in zip(HYGIENE, clean(report.hygiene), clean(baseline.hygiene), strict=True):
        rows.append((name, ours, theirs))
    lines = [
        "| measure | generated | held-out real |",
        "|---|---|---|",
        *(f"| {a} | {b} | {c} |" for a, b, c in rows),
    ]
    header = " ".join(report.classes)
    confusion = [
        f"asked for {label}: {row}" for label, row in zip(report.classes, report.confusion, strict=True)
    ]
    return "\n".join(lines) + f"\n\nCalled ({header}):\n\n" + "\n".join(confusion) + "\n"


HYGIENE = ("peak, lowest and highest dBFS", "DC, highest dBFS", "last 50 ms, median and highest dBFS",
           "attack, latest ms", "double hits", "faultless")  # fmt: skip


def clean(h: Hygiene) -> list[str]:
    checkups = h.sounds
    tails = sorted(max(c.tail_db, -200.0) for c in checkups)
    return [
        f"{min(c.peak_db for c in checkups):.2f}, {max(c.peak_db for c in checkups):.2f}",
        f"{max(c.dc_db for c in checkups):.1f}",
        f"{median(tails):.1f}, {tails[-1]:.1f}",
        f"{1000 * max(c.attack_seconds for c in checkups):.1f}",
        share(h.double_hits),
        share(h.faultless),
    ]


def share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
