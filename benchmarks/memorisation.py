"""Does the memorisation report catch a model that has memorised, and let one pass that has not?

    python benchmarks/memorisation.py DRUMS --out runs/memorisation

Trains one small network twice, on one thread, for the same number of examples: on 20 sounds, and on all
sounds but the held-out ones. Makes sounds with both, plants copies among those of the second (shifted,
quieter, with noise, upside down), and examines all of it. Writes `memorisation.json` and `memorisation.md`.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import torch

from wavesmith.data import Entry, ScannedFile, scan, split
from wavesmith.embeddings import load_embedding
from wavesmith.evaluation.embedding_library import EmbeddingLibrary, build_library
from wavesmith.evaluation.memorisation import examine
from wavesmith.evaluation.memorisation_report import MemorisationReport
from wavesmith.evaluation.sound_set import spread_over_groups
from wavesmith.families.diffusion import DiffusionConfig, ParameterisationConfig, SamplingDefaults
from wavesmith.models import Model, load
from wavesmith.networks import TransformerConfig
from wavesmith.sound import Sound
from wavesmith.training import RunConfig, TrainingConfig, train
from wavesmith.transforms import SpectralConfig
from wavesmith.verbs import generate

RATE, LENGTH = 8_000, 4_096
TWENTY = 20
HELD_OUT = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--examples", type=int, default=40_000, help="of each training")
    parser.add_argument("--sounds", type=int, default=50, help="per label and model")
    parser.add_argument("--embedding", default="statistics")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = scan(options.data, licences=("cc0", "public-domain", "unlicense", "mit", "cc-by")).files
    kept, held = split(files, HELD_OUT, 0)
    few = [kept[index] for index in pick(kept)]
    sets = {"twenty": few, "all": kept, "unseen": held}
    folders = {name: copied(options.data, part, options.out / name) for name, part in sets.items()}
    models = {name: trained(options, folders[name]) for name in ("twenty", "all")}
    made = {name: generated(options, name, model) for name, model in models.items()}
    made["planted"] = planted(made["all"], folders["all"], kept, options.out / "planted")
    reports = {}
    libraries = {path: library(options, path) for path in (*folders.values(), *made.values())}
    for title, sounds, training in (
        ("trained on 20 sounds", "twenty", "twenty"),
        ("trained on all", "all", "all"),
        ("the latter, with 5 planted copies in 200", "planted", "all"),
    ):
        reports[title] = examine(
            libraries[made[sounds]], libraries[folders[training]], libraries[folders["unseen"]],
            model=models[training],
        )  # fmt: skip
        (options.out / f"{sounds}.json").write_text(reports[title].model_dump_json(indent=1) + "\n")
    text = table(reports)
    (options.out / "memorisation.md").write_text(text)
    print(text)


def pick(files: list[ScannedFile]) -> list[int]:
    """Twenty files: five of each label, each of another source as far as there are so many."""
    labels = sorted({file.label or "" for file in files})
    chosen = []
    for label in labels:
        indices = [index for index, file in enumerate(files) if file.label == label]
        chosen += [
            indices[i] for i in spread_over_groups([files[i].group for i in indices], TWENTY // len(labels))
        ]
    return chosen


def copied(data: Path, files: list[ScannedFile], folder: Path) -> Path:
    """A folder of these files with their manifest."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / file.path, target)
    lines = [Entry(**file.model_dump(include=set(Entry.model_fields))).model_dump_json() for file in files]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def trained(options: argparse.Namespace, folder: Path) -> Model:
    """A small model of these sounds; as it is from an earlier run, if there was one."""
    out = options.out / f"model-{folder.name}"
    config = RunConfig(
        model=DiffusionConfig(
            rate=RATE,
            channels=1,
            length=LENGTH,
            transform=SpectralConfig(hop=64),
            network=TransformerConfig(
                fold=1, width=256, depth=4, condition=64, energies=True, mixing=5, dropout=0.0
            ),
            parameterisation=ParameterisationConfig(kind="gated"),
            sampling=SamplingDefaults(steps=12, sigma_min=0.03, guidance=1.0),
        ),
        training=TrainingConfig(
            examples=options.examples,
            batch=16,
            learning_rate=1e-3,
            warmup=2_000,
            held_out=0.0,
            augmentation=None,
            validate_every=4_000,
            demo_every=options.examples,
            save_every=options.examples,
        ),
    )
    start = time.process_time()
    train(folder, out, config=config, device="cpu", threads=1, report=print)
    print(f"{folder.name}: {time.process_time() - start:.0f} CPU-seconds", flush=True)
    return load(out)


def generated(options: argparse.Namespace, name: str, model: Model) -> Path:
    folder: Path = options.out / f"made-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    for label in model.labels:
        for k, sound in enumerate(generate(model, options.sounds, label=label, seed=0)):
            sound.write(folder / label / f"{k:03d}.wav")
    return folder


def planted(made: Path, training: Path, files: list[ScannedFile], out: Path) -> Path:
    """The made sounds, five of which give way to disguised training sounds."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(made, out)
    places = sorted(out.rglob("*.wav"))
    for k, index in enumerate(spread_over_groups([file.group for file in files], 5)):
        sound = Sound.read(training / files[index].path).mono().resample(RATE)
        wave = sound.tensor()
        noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(k))
        disguised = (
            wave,
            0.2 * wave,
            torch.nn.functional.pad(wave, (700, 0)),
            -wave[..., : 3 * wave.shape[-1] // 4],
            wave + 0.02 * wave.square().mean().sqrt() * noise,
        )[k]
        Sound.from_tensor(disguised[..., :LENGTH], RATE).write(places[37 * k % len(places)])
    return out


def library(options: argparse.Namespace, folder: Path) -> EmbeddingLibrary:
    return build_library(
        folder,
        options.out / "measured" / folder.name,
        load_embedding(options.embedding),
        seconds=LENGTH / RATE,
        workers=1,
    )


def table(reports: dict[str, MemorisationReport]) -> str:
    rows = [
        "| model | verdict | exact copies | near copies (by chance) | nearest training sound, median dB "
        "(held-out sounds) | AUC (p) |",
        "|---|---|---|---|---|---|",
    ]
    for title, report in reports.items():
        mel, gap = report.tests[0], report.membership
        known = f"{gap.auc:.2f} ({gap.probability:.2g})" if gap else "-"
        rows.append(
            f"| {title} | **{report.verdict}** | {report.exact} of {len(report.matches)} | {report.near} "
            f"({report.expected_near:.1f}) | {mel.generated:.2f} ({mel.held_out:.2f}) | {known} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
