"""Tiny sounds and tiny models: a training of a fraction of a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.families import FAMILIES, Batch, Family, FamilyConfig, Objective, ObjectiveConfig, read_config
from wavesmith.noise import ItemNoise
from wavesmith.sound import Sound
from wavesmith.training import RunConfig

RATE, LENGTH = 8000, 512


class ToyConfig(FamilyConfig):
    family: Literal["toy"] = "toy"
    dropout: float = Field(default=0.1, ge=0, lt=1)


class ToyObjective(ObjectiveConfig):
    realism: float = Field(default=0.01, ge=0, description="Weight of the critic's opinion.")


class Toy(Family):
    """Learns the mean wave of every label, and a critic of its noisy waves: two objectives, as of a GAN."""

    NAME = "toy"
    CONFIG = ToyConfig
    OBJECTIVE = ToyObjective

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        size = config.channels * config.length
        self.register_buffer("scale", torch.ones(()))
        self.mean = nn.Parameter(torch.zeros(size))
        self.label = nn.Linear(len(config.labels), size, bias=False)
        self.augment = nn.Linear(config.augments, size, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.critic = nn.Linear(size, 1)

    def waves(self, label: Tensor, augment: Tensor, noise: Tensor) -> Tensor:
        means = self.mean + self.dropout(self.label(label)) + self.augment(augment)
        return self.scale * (means + 0.1 * noise).unflatten(1, (self.config.channels, -1))

    def fit(self, waves: Tensor) -> None:
        self.scale.copy_(waves.std())

    def objectives(self, settings: ToyObjective, seed: int) -> list[Objective]:
        def drawn(batch: Batch) -> Tensor:
            noise = ItemNoise(seed, batch.position.tolist(), batch.wave.device).normal(
                (batch.wave[0].numel(),)
            )
            return self.waves(batch.label, batch.augment, noise)

        def generator(batch: Batch) -> Tensor:
            waves = drawn(batch)
            errors = (waves - batch.wave).square().mean(dim=(1, 2)) / self.scale.square()
            return errors + settings.realism * F.softplus(-self.critic(waves.flatten(1))[:, 0])

        def critic(batch: Batch) -> Tensor:
            real, fake = self.critic(batch.wave.flatten(1)), self.critic(drawn(batch).flatten(1))
            return (F.softplus(-real) + F.softplus(fake))[:, 0]

        parts = [self.mean, *self.label.parameters(), *self.augment.parameters()]
        return [
            Objective("generator", parts, generator),
            Objective("critic", list(self.critic.parameters()), critic),
        ]

    def validate(self, batch: Batch, settings: ToyObjective, seed: int) -> Mapping[str, Tensor]:
        waves = self.waves(batch.label, batch.augment, torch.zeros(len(batch.wave), batch.wave[0].numel()))
        return {"error": (waves - batch.wave).square().mean(dim=(1, 2)) / self.scale.square()}

    def generate(self, condition, length, sampling, noise) -> Tensor:
        size = self.config.channels * self.config.length
        label = condition.label.expand(len(noise), -1)
        augment = torch.zeros(len(noise), self.config.augments)
        waves = self.waves(label, augment, noise.normal((size,)))
        return F.pad(waves, (0, length - waves.shape[-1]))


@pytest.fixture(scope="session", autouse=True)
def toy() -> Iterator[type[Toy]]:
    FAMILIES.register("toy", Toy)
    yield Toy
    FAMILIES.unregister("toy")


@pytest.fixture(autouse=True)
def _without_pictures(request, monkeypatch) -> None:
    """Draw no pictures, which take longer than the trainings here, except for tests marked `pictures`."""
    if not request.node.get_closest_marker("pictures"):
        monkeypatch.setattr("wavesmith.training.run_folder.sheet", lambda *arguments, **options: None)
        monkeypatch.setattr("wavesmith.training.monitor.draw_curves", lambda *paths: None)


@pytest.fixture(scope="session")
def drums(tmp_path_factory) -> Path:
    """Low decaying tones called kick and decaying noise called snare, with a manifest."""
    folder = tmp_path_factory.mktemp("drums")
    time = np.arange(LENGTH) / RATE
    lines = []
    for k in range(8):
        generator = np.random.default_rng(k)
        kick = np.sin(2 * np.pi * (100 + 10 * k) * time) * np.exp(-60 * time)
        snare = generator.standard_normal(LENGTH) * np.exp(-80 * time)
        for label, wave in {"kick": kick, "snare": snare}.items():
            path = f"{label}/{'abcdefgh'[k]}.wav"
            Sound(0.5 * wave[None] / np.abs(wave).max(), RATE).write(folder / path)
            basis = "granted" if k < 6 else "assumed"
            entry = {
                "path": path,
                "licence": "CC0-1.0",
                "licence_basis": basis,
                "author": f"Ann | Bob {k % 2}",
            }
            lines.append(json.dumps(entry | {"source": "the\nshed"}))
    (folder / "manifest.jsonl").write_text("\n".join(lines))
    return folder


MODELS = {
    "toy": {"family": "toy", "rate": RATE, "channels": 1, "length": LENGTH},
    "diffusion": {
        "rate": RATE,
        "channels": 1,
        "length": LENGTH,
        "transform": {"kind": "spectral", "hop": 16},
        "network": {
            "kind": "frame_unet",
            "fold": 2,
            "widths": [16, 64],
            "blocks": 1,
            "condition": 16,
            "dropout": 0.1,
        },
        "parameterisation": {"kind": "gated"},
        "sampling": {"steps": 2},
    },
}
TRAINING = {
    "examples": 64,
    "batch": 4,
    "learning_rate": 2e-3,
    "warmup": 8,
    "held_out": 0.2,
    "validate_every": 32,
    "save_every": 32,
    "demo_every": 10_000,
    "precision": "32",
}


@pytest.fixture(scope="session")
def config() -> Callable[..., RunConfig]:
    """A function that makes a configuration of a family with some training values changed."""

    def make(family: str = "toy", **training) -> RunConfig:
        return RunConfig(model=read_config(MODELS[family]), training=TRAINING | training)

    return make
