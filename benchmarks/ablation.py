"""Which transform, network and parameterisation: each trained for the same CPU time and measured alike.

    python benchmarks/ablation.py DRUMS --classifier CLASSIFIER --minutes 10 --out runs/ablation

DRUMS is a labelled folder with a manifest, CLASSIFIER a folder that `benchmarks/train_classifier.py` wrote.
One thread, one process; every variant sees the same sounds in the same order with the same changes. Writes
a table (Markdown and JSON), a mel sheet for every variant and one of all, and the trained models.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from pydantic import BaseModel

from wavesmith.classifiers import Classifier, predict
from wavesmith.data import AUGMENT_FEATURES, ScannedFile, SoundDataset, scan, split
from wavesmith.embeddings import embed_sounds, load_embedding
from wavesmith.evaluation import kernel_audio_distance
from wavesmith.evaluation.file_measures import wave_of
from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    DiffusionObjective,
    ParameterisationConfig,
)
from wavesmith.fitting.ema import PowerAverages
from wavesmith.models import Model, fingerprint, save_folder
from wavesmith.networks import FrameUNetConfig, TransformerConfig, parameters
from wavesmith.picture import sheet
from wavesmith.sound import Sound
from wavesmith.training import TrainingConfig, load_config
from wavesmith.training.examples import Examples
from wavesmith.training.validation import HeldOut
from wavesmith.transforms import PatchConfig, SpectralConfig
from wavesmith.verbs import generate

Config = TypeVar("Config", bound=BaseModel)

EDM = ParameterisationConfig(kind="edm")
GATED = ParameterisationConfig(kind="gated")
FRAME_UNET = FrameUNetConfig(blocks=1)
PATCH_UNET = FrameUNetConfig(widths=(64, 128, 256, 256), blocks=1)
PLAIN = TransformerConfig(fold=2, width=256, depth=5)
SHORT = SpectralConfig(hop=128)
SHEET = "mel.png"


def variants() -> dict[str, DiffusionConfig]:
    """Return the variants; the last is the bundled model."""
    drums = load_config("drums").model
    return {
        "patch 16 + U-Net, EDM": _with(drums, transform=PatchConfig(size=16), network=PATCH_UNET),
        "spectral 128 + U-Net, EDM": _with(drums, transform=SHORT, network=FRAME_UNET, parameterisation=EDM),
        "spectral 128 + U-Net, gated": _with(drums, transform=SHORT, network=FRAME_UNET),
        "spectral 128 + transformer, EDM": _with(drums, transform=SHORT, network=PLAIN, parameterisation=EDM),
        "spectral 128 + transformer, gated": _with(drums, transform=SHORT, network=PLAIN),
        "spectral 512 + transformer, gated": _with(
            drums, network=_with(drums.network, energies=False, mixing=0)
        ),
        "spectral 512 + transformer with energies as inputs, gated": drums,
    }


def _with(config: Config, **changes: object) -> Config:
    return config.model_copy(update=changes)


def fitted(config: DiffusionConfig, sounds: SoundDataset) -> DiffusionModel:
    """A new network whose transform, or sigma_data for waves, is fitted to the sounds."""
    waves = torch.stack([sounds[i].wave for i in range(0, len(sounds), 3)])
    if isinstance(config.transform, PatchConfig):
        rms = float(waves.square().mean().sqrt())
        config = _with(config, parameterisation=ParameterisationConfig(kind="edm", sigma_data=rms))
        scale = {"sigma_min": 0.003 * rms, "sigma_max": 20 * rms}
        config = _with(config, sampling=config.sampling.model_copy(update=scale))
    torch.manual_seed(0)
    config = _with(config, labels=tuple(sounds.labels), augments=len(AUGMENT_FEATURES))
    family = DiffusionModel(config)
    family.transform.fit(waves)
    return family


def trained(
    family: DiffusionModel,
    sounds: SoundDataset,
    settings: DiffusionObjective,
    config: TrainingConfig,
    minutes: float,
) -> int:
    """Train for so much CPU time; the family ends with its averaged weights. Returns the examples seen."""
    examples = Examples(sounds, family.config.rate, family.config.augments, config)
    averages = PowerAverages(family, (0.1,))
    optimizer = torch.optim.AdamW(family.parameters(), lr=config.learning_rate, betas=config.betas)
    levels = settings.noise_levels
    scaled = levels.model_copy(
        update={"mean": levels.mean + math.log(family.config.parameterisation.sigma_data)}
    )
    (objective,) = family.objectives(DiffusionObjective(noise_levels=scaled), config.seed)
    started, seen = time.process_time(), 0
    for batch in examples.batches(0):
        spent = (time.process_time() - started) / 60 / minutes
        if spent >= 1:
            break
        warm, fall = (seen + config.batch) / config.warmup, (1 - spent) / config.decay
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, warm, max(fall, 0.02))
        with torch.autocast("cpu", torch.bfloat16):  # for all alike; quick where the CPU is
            loss = objective.loss(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(family.parameters(), 1.0)
        optimizer.step()
        averages.update(family)
        seen += config.batch
    averages.applied(family, 0.1).__enter__()
    return seen


def measured(
    family: DiffusionModel, classifier: Classifier, real: SoundDataset, count: int, folder: Path, title: str
) -> dict[str, float]:
    """Measure `count` sounds per label, unguided and guided, and draw some."""
    model = Model(title, fingerprint(family.config, family), family.eval())
    embedding = load_embedding("mel_cnn")
    target = embed_sounds(embedding, (Sound.from_tensor(real[i].wave, model.rate) for i in range(len(real))))
    row: dict[str, float] = {}
    for guidance in (1.0, 2.0):
        sounds = {
            label: generate(model, count, label=label, seed=0, guidance=guidance) for label in model.labels
        }
        made = embed_sounds(embedding, (sound for label in model.labels for sound in sounds[label]))
        row |= {
            f"accuracy_g{guidance:g}": accuracy(classifier, sounds),
            f"kad_g{guidance:g}": kernel_audio_distance(made, target),
        }
    sheet({label: s[:12] for label, s in sounds.items()}, folder / SHEET, title=title)
    return row


def accuracy(classifier: Classifier, sounds: dict[str, list[Sound]]) -> float:
    """Share of the sounds whose requested label the classifier predicts."""
    hits = []
    for label, part in sounds.items():
        waves = torch.stack([torch.tensor(wave_of(one, classifier.config.rate, one.seconds)) for one in part])
        hits.append(predict(classifier, waves[:, None]) == classifier.classes.index(label))
    return float(torch.cat(hits).double().mean())


def together(sheets: list[Path], out: Path) -> None:
    """All sheets in one picture, two in a row."""
    pictures = [Image.open(path).convert("RGB") for path in sheets]
    width, height = pictures[0].size
    rows = -(-len(pictures) // 2)
    whole = Image.new("RGB", (2 * width, rows * height), pictures[0].getpixel((0, 0)))
    for k, picture in enumerate(pictures):
        whole.paste(picture, (k % 2 * width, k // 2 * height))
    whole.thumbnail((1400, 700 * rows))
    whole.quantize(128).save(out, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--classifier", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="CPU minutes for each variant")
    parser.add_argument("--sounds", type=int, default=25, help="sounds per label and guidance")
    parser.add_argument("--only", help="train only the variants whose name contains this")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    classifier = Classifier.load(arguments.classifier)
    config = load_config("drums")
    files: list[ScannedFile] = [
        f for f in scan(arguments.data).files if config.data.basis in (None, f.licence_basis)
    ]
    kept, held = split(files, config.training.held_out, config.training.seed)
    shape = {"rate": config.model.rate, "channels": config.model.channels, "length": config.model.length}
    sounds = SoundDataset(arguments.data, kept, **shape)
    unseen = SoundDataset(arguments.data, held, labels=sounds.labels, **shape)
    rows: dict[str, dict[str, float]] = {}
    sheets: list[Path] = []
    for name, variant in variants().items():
        if arguments.only and arguments.only not in name:
            continue
        folder = arguments.out / name.replace(" ", "-").replace(",", "")
        family = fitted(variant, sounds)
        seen = trained(family, sounds, config.objective, config.training, arguments.minutes)
        save_folder(folder, family, f"# {name}\n")
        rows[name] = {"parameters": parameters(family.network), "examples": seen}
        if family.config.parameterisation.sigma_data == 1:
            losses = HeldOut(unseen, family.config.augments, config.objective, 0).losses(family)
            rows[name]["held_out"] = sum(losses.values()) / len(losses)
        rows[name] |= measured(family, classifier, sounds, arguments.sounds, folder, name)
        sheets.append(folder / SHEET)
        print(name, json.dumps(rows[name]), flush=True)
        (arguments.out / "ablation.json").write_text(json.dumps(rows, indent=1) + "\n")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    table = [f"| variant | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        table.append(f"| {name} | {' | '.join(f'{row[c]:.4g}' if c in row else '-' for c in columns)} |")
    (arguments.out / "ablation.md").write_text("\n".join(table) + "\n")
    together(sheets, arguments.out / "ablation.png")
    print("\n".join(table))


if __name__ == "__main__":
    main()
