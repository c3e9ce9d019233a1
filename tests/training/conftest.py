"""Tiny sounds and a tiny recipe: a training of a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wavesmith.families import ParameterisationConfig, Sampling
from wavesmith.networks import FrameUNetConfig
from wavesmith.sound import Sound
from wavesmith.training import ModelRecipe, TrainingConfig, TrainingRecipe
from wavesmith.transforms import SpectralConfig

RATE, LENGTH = 8000, 512


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


@pytest.fixture(scope="session")
def recipe() -> Callable[..., TrainingRecipe]:
    """A recipe, with other training values where they are given."""

    def make(**training) -> TrainingRecipe:
        values = {
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
        return TrainingRecipe(
            model=ModelRecipe(
                rate=RATE,
                channels=1,
                length=LENGTH,
                transform=SpectralConfig(hop=16),
                network=FrameUNetConfig(fold=2, widths=(16, 64), blocks=1, condition=16, dropout=0.1),
                parameterisation=ParameterisationConfig(kind="gated"),
                sampling=Sampling(steps=2),
            ),
            training=TrainingConfig(**values | training),
        )

    return make
