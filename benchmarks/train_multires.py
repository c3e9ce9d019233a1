"""Train the embedding `multires` that comes with wavesmith, and measure it on held-out sources.

    python benchmarks/train_multires.py DRUMS DRUMS2 TONES --out src/wavesmith/embeddings/weights/multires

Sounds are used whose manifest says `granted by the rights holder` or `made for this project`. Of each folder
sources are held back: of the first those that the configuration `drums` holds back, so that they are new to
both, then a share of the rest; no source that is held back anywhere is trained on. Some kinds of damage
are held back, too: phases randomised in windows of 512 and 2,048 samples, tones replaced by noise, and gaps.
OUT gets the weights, their card with all sources, report.json and log.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from embedding_quality import Quality, measure_quality, perturbed
from torch import Tensor

from wavesmith.data import ScannedFile, SoundDataset, balanced_weights, scan, split
from wavesmith.embeddings import Embedding, load_embedding
from wavesmith.embeddings.multires import MultiresConfig
from wavesmith.embeddings.multitask import Damage, MultitaskExamples, train_multires
from wavesmith.embeddings.training import NO_LABEL
from wavesmith.evaluation import degradations
from wavesmith.models import Provenance, provenance_of, save_provenance
from wavesmith.models.provenance import sources_table
from wavesmith.training import load_config

BASES = ("granted by the rights holder", "made for this project")
LEAST_OF_A_KIT = 3  # sounds that a kit needs to be learnt
RATE = MultiresConfig().rate


def damages() -> dict[str, Damage]:
    """Kinds of damage that the embedding learns to recognise, from just audible to plain."""

    def between(low: float, high: float, strength: float) -> float:
        return low * (high / low) ** strength

    return {
        "phases, 256": lambda w, s, n: degradations.randomise_phases(w, 256, between(0.3, 1, s), n),
        "phases, 1024": lambda w, s, n: degradations.randomise_phases(w, 1024, between(0.3, 1, s), n),
        "phases, 4096": lambda w, s, n: degradations.randomise_phases(w, 4096, between(0.3, 1, s), n),
        "hiss": lambda w, s, n: degradations.hiss(w, -55 + 25 * s, n),
        "low-pass": lambda w, s, n: degradations.low_pass(w, RATE, between(15_000, 2000, s)),
        "tail damped": lambda w, s, n: degradations.damp_tail(w, RATE, between(600, 60, s)),
        "tail cut": lambda w, s, n: degradations.cut_tail(w, RATE, between(250, 30, s)),
        "pre-echo": lambda w, s, n: degradations.pre_echo(w, RATE, 40 - 35 * s, between(10, 60, s)),
        "attack smeared": lambda w, s, n: degradations.soften_attack(w, RATE, between(3, 60, s)),
        "time smear": lambda w, s, n: degradations.smear(w, RATE, between(20, 400, s)),
        "clipping": lambda w, s, n: degradations.clip(w, between(4, 30, s)),
        "noise": lambda w, s, n: degradations.noise(w, 40 - 40 * s, n),
    }


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    started = time.process_time()
    config = MultiresConfig()
    kept, held = divided(options.data, options.held_out)
    labels = sorted({file.label for _, files in kept for file in files if file.label})
    counts = Counter(kit_of(folder, file) for folder, files in kept for file in files)
    kits = sorted(kit for kit, count in counts.items() if count >= LEAST_OF_A_KIT)
    training = joined([sounds(folder, files, labels, kits, config) for folder, files in kept])
    kinds = damages()
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / "log.jsonl", "w", encoding="utf-8") as log:

        def show(stage: str, done: int, total: int, losses: dict[str, float]) -> None:
            if done % (100 if losses else 800) in (0, total):
                line = {
                    "stage": stage,
                    "done": done,
                    "of": total,
                    "cpu_s": round(time.process_time() - started),
                }
                line |= {name: round(value, 4) for name, value in losses.items()}
                print(json.dumps(line), file=log, flush=True)
                print(json.dumps(line), file=sys.stderr, flush=True)

        made = train_multires(
            training,
            list(kinds.values()),
            config,
            steps=options.steps,
            batch=options.batch,
            damaged=options.damaged,
            seed=options.seed,
            bf16=options.bf16,
            progress=show,
        )
    made.save(options.out)
    seconds = time.process_time() - started
    held_out = joined([sounds(folder, files, labels, kits, config) for folder, files in held if files])
    others = [load_embedding(name) for name in ("mel_cnn", "statistics")]
    quality = {one.name: measured(one, training, held_out) for one in (made, *others)}
    report = {
        "trained_on": len(training.waves),
        "held_out": len(held_out.waves),
        "cpu_seconds": round(seconds),
        "steps": options.steps,
        "batch": options.batch,
        "seed": options.seed,
        "labels": labels,
        "kits": len(kits),
        "damages": list(kinds),
        "quality": {name: found._asdict() for name, found in quality.items()},
    }
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    provenance = provenance_of(*([file for _, files in part for file in files] for part in (kept, held)))
    save_provenance(options.out, provenance)
    (options.out / "README.md").write_text(card(report, provenance), encoding="utf-8")
    print(table(quality))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the embedding 'multires'.")
    parser.add_argument("data", nargs="+", type=Path, help="folders of sounds with manifests, drums first")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share held back beyond the configuration's"
    )
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--damaged", type=int, default=3, help="damaged versions of each sound")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true", help="quicker on CPUs with AMX")
    return parser.parse_args()


Folders = list[tuple[Path, list[ScannedFile]]]


def divided(folders: list[Path], share: float) -> tuple[Folders, Folders]:
    """Divide the files of all folders into (training, held out); no source is in both."""
    drums = load_config("drums").training
    files = {
        folder: [file for file in scan(folder).files if file.licence_basis in (None, *BASES)]
        for folder in folders
    }
    held: set[str] = set()
    for place, (_, own) in enumerate(files.items()):
        left = own
        if place == 0:
            left, first = split(own, drums.held_out, drums.seed)
            held |= {file.group for file in first}
        held |= {file.group for file in split(left, share, drums.seed)[1]}
    return (
        [(folder, [file for file in own if file.group not in held]) for folder, own in files.items()],
        [(folder, [file for file in own if file.group in held]) for folder, own in files.items()],
    )


def kit_of(folder: Path, file: ScannedFile) -> str:
    return f"{folder.name}/{file.kit or file.group}"


def notes_of(folder: Path) -> dict[str, float]:
    """MIDI pitches by path, where the manifest knows them."""
    found = {}
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("pitch") is not None:
            found[row["path"]] = float(row["pitch"])
        elif row.get("pitch_hz"):
            found[row["path"]] = 69 + 12 * math.log2(row["pitch_hz"] / 440)
    return found


def sounds(
    folder: Path, files: list[ScannedFile], labels: list[str], kits: list[str], config: MultiresConfig
) -> MultitaskExamples:
    """The first second of each sound."""
    dataset = SoundDataset(folder, files, rate=config.rate, channels=1, length=config.frames)
    notes, places = notes_of(folder), {kit: place for place, kit in enumerate(kits)}
    return MultitaskExamples(
        torch.stack([dataset[index].wave for index in range(len(files))]),
        torch.tensor([labels.index(file.label) if file.label in labels else NO_LABEL for file in files]),
        torch.tensor([places.get(kit_of(folder, file), NO_LABEL) for file in files]),
        torch.tensor([notes.get(file.path, math.nan) for file in files]),
        balanced_weights(files) * len(files),
    )


def joined(parts: list[MultitaskExamples]) -> MultitaskExamples:
    return MultitaskExamples(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


@torch.no_grad()
def measured(embedding: Embedding, known: MultitaskExamples, held_out: MultitaskExamples) -> Quality:
    def vectors(waves: Tensor) -> Tensor:
        return torch.cat([embedding(part) for part in waves.split(64)])

    new = held_out.labels != NO_LABEL
    some = np.random.default_rng(0).permutation(len(known.waves))[:1500]  # enough neighbours, in less time
    return measure_quality(
        vectors(known.waves[some]),
        known.labels[some],
        vectors(held_out.waves[new]),
        held_out.labels[new],
        vectors(perturbed(held_out.waves[new], RATE)),
    )


def table(quality: dict[str, Quality]) -> str:
    head = ["| embedding | label of the 5 nearest | label retrieval | found again |", "|---|---|---|---|"]
    rows = [f"| `{name}` | {' | '.join(f'{share:.1%}' for share in one)} |" for name, one in quality.items()]
    return "\n".join(head + rows)


def card(report: dict[str, object], provenance: Provenance) -> str:
    return "\n".join(
        [
            "# multires",
            "",
            "A small audio embedding, trained by wavesmith (benchmarks/train_multires.py) on the first "
            f"second of {report['trained_on']} drums, notes, textures and effects, in "
            f"{report['cpu_seconds']} CPU seconds; report.json has its quality, "
            "log.jsonl how it learnt. The weights are under wavesmith's licence. They were trained on:",
            "",
            *sources_table(provenance.sources),
            "",
        ]
    )


if __name__ == "__main__":
    main()
