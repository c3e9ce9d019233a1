"""Train the embedding `mel_cnn` that comes with wavesmith, and measure it on held-out sources.

    python benchmarks/train_embedding.py DRUMS [MORE ...] --out src/wavesmith/embeddings/weights/mel_cnn

Sounds are used whose manifest says `granted by the rights holder` (`--licence-basis`). Of each folder,
sources are held back twice: first those that the config `drums` holds back, so that they are new to both,
then a share of the rest. OUT gets the weights, their card with all sources, and report.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import torch
from embedding_quality import Quality, measure_quality, perturbed
from torch import Tensor

from wavesmith.data import ScannedFile, SoundDataset, balanced_weights, scan, split
from wavesmith.embeddings import Embedding, Statistics
from wavesmith.embeddings.mel_cnn import MelCnnConfig
from wavesmith.embeddings.training import NO_LABEL, EmbeddingExamples, train_embedding
from wavesmith.models import Provenance, provenance_of, save_provenance
from wavesmith.models.provenance import sources_table
from wavesmith.training import load_config

LEAST_TAGGED = 8  # training sounds that a tag needs to be learnt


def main() -> None:
    options = arguments()
    config = MelCnnConfig()
    kept, held = [], []
    for folder in options.data:
        files = [file for file in scan(folder).files if file.licence_basis in (None, options.licence_basis)]
        ours, theirs = withheld(files, options.held_out)
        kept.append((folder, ours))
        held.append((folder, theirs))
    labels = sorted({file.label for _, files in kept for file in files if file.label})
    counts = Counter(tag for _, files in kept for file in files for tag in file.tags)
    tags = sorted(tag for tag, count in counts.items() if count >= LEAST_TAGGED)
    training = joined([examples(folder, files, labels, tags, config) for folder, files in kept])
    embedding = train_embedding(
        training,
        config,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        bf16=options.bf16,
        progress=show,
    )
    embedding.save(options.out)
    held_out = joined([examples(folder, files, labels, tags, config) for folder, files in held if files])
    quality = {one.name: measured(one, training, held_out) for one in (embedding, Statistics())}
    report = {
        "trained_on": len(training.waves),
        "held_out": len(held_out.waves),
        "steps": options.steps,
        "batch": options.batch,
        "seed": options.seed,
        "labels": labels,
        "tags": tags,
        "quality": {name: found._asdict() for name, found in quality.items()},
    }
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    provenance = provenance_of(*([file for _, files in part for file in files] for part in (kept, held)))
    save_provenance(options.out, provenance)
    (options.out / "README.md").write_text(card(report, provenance), encoding="utf-8")
    print(table(quality))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the embedding 'mel_cnn'.")
    parser.add_argument("data", nargs="+", type=Path, help="folders of sounds with manifests")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--licence-basis", default="granted by the rights holder")
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share held back beyond the configuration's"
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true", help="quicker on CPUs with AMX")
    return parser.parse_args()


def withheld(files: list[ScannedFile], share: float) -> tuple[list[ScannedFile], list[ScannedFile]]:
    """Divide a folder's files into (training, held out)."""
    drums = load_config("drums").training
    ours, theirs = split(files, drums.held_out, drums.seed)
    ours, more = split(ours, share, drums.seed)
    return ours, theirs + more


def examples(
    folder: Path, files: list[ScannedFile], labels: list[str], tags: list[str], config: MelCnnConfig
) -> EmbeddingExamples:
    """The sounds of a folder as windows; a second begins a second one, as in loops."""
    longest = max(file.seconds for file in files)
    length = config.frames * max(1, int(longest))
    dataset = SoundDataset(folder, files, rate=config.rate, channels=1, length=length)
    weights = balanced_weights(files) * len(files)
    rows = []
    for index, file in enumerate(files):
        whole = max(1, int(file.seconds * config.rate) // config.frames)
        for part in dataset[index].wave.split(config.frames, dim=1)[:whole]:
            label = labels.index(file.label) if file.label else NO_LABEL
            rows.append((part, label, [tag in file.tags for tag in tags], weights[index] / whole))
    waves, numbers, tagged, often = zip(*rows, strict=True)
    return EmbeddingExamples(
        torch.stack(waves), torch.tensor(numbers), torch.tensor(tagged), torch.tensor(often)
    )


def joined(parts: list[EmbeddingExamples]) -> EmbeddingExamples:
    return EmbeddingExamples(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


@torch.no_grad()
def measured(embedding: Embedding, known: EmbeddingExamples, held_out: EmbeddingExamples) -> Quality:
    def vectors(waves: Tensor) -> Tensor:
        return torch.cat([embedding(part) for part in waves.split(64)])

    known_ones, new_ones = known.labels != NO_LABEL, held_out.labels != NO_LABEL
    new = held_out.waves[new_ones]
    return measure_quality(
        vectors(known.waves[known_ones]),
        known.labels[known_ones],
        vectors(new),
        held_out.labels[new_ones],
        vectors(perturbed(new, MelCnnConfig().rate)),
    )


def show(step: int, steps: int, loss: float) -> None:
    if step % 50 == 0:
        print(f"step {step} of {steps}, loss {loss:.3f}", file=sys.stderr, flush=True)


def table(quality: dict[str, Quality]) -> str:
    head = ["| embedding | label of the 5 nearest | label retrieval | found again |", "|---|---|---|---|"]
    rows = [f"| `{name}` | {' | '.join(f'{share:.1%}' for share in one)} |" for name, one in quality.items()]
    return "\n".join(head + rows)


def card(report: dict[str, object], provenance: Provenance) -> str:
    return "\n".join(
        [
            "# mel_cnn",
            "",
            "A small audio embedding, trained by wavesmith (benchmarks/train_embedding.py) on "
            f"{report['trained_on']} seconds of drums, loops and textures; report.json has its quality. "
            "The weights are under wavesmith's licence. They were trained on these sounds:",
            "",
            *sources_table(provenance.sources),
            "",
        ]
    )


if __name__ == "__main__":
    main()
