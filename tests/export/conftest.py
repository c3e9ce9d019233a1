"""Short noises that can be told apart, and a kit of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wavesmith.export import Kit, Layer, Piece, choke_group, even_layers, write_kit
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound

RATE = 8000
Noise = Callable[..., Sound]


@pytest.fixture(scope="session")
def noise() -> Noise:
    """Make a noise from a number: dull, it swells for 10 ms and dies away; mono if the number is odd."""

    def make(seed: int, seconds: float = 0.1, rate: int = RATE, recipe: Recipe | None = None) -> Sound:
        rng, frames = np.random.default_rng(seed), round(seconds * rate)
        envelope = np.exp(-np.arange(frames) / rate / 0.04)
        white = rng.uniform(-1, 1, (2 - seed % 2, frames))
        dull = np.array([np.convolve(channel, np.hanning(12) / 4, "same") for channel in white])
        return Sound(dull * envelope, rate, recipe).fade(0.01, 0.005)

    return make


@pytest.fixture(scope="session")
def kit(noise: Noise) -> Kit:
    """Kicks with three layers of two turns, a snare with one sound, and hats that choke each other."""

    def piece(name: str, key: int, layers: int, turns: int, **settings: float) -> Piece:
        rows = [[noise(1000 * key + 10 * row + turn) for turn in range(turns)] for row in range(layers)]
        return Piece(name, key, even_layers(rows), choke_group(name), **settings)

    pieces = (
        piece("open hihat", 46, 1, 2, pan=0.5),
        piece("kick", 36, 3, 2),
        piece("kick", 35, 2, 3, volume_db=-6.0),
        piece("snare", 38, 1, 1, pan=-1.0),
        piece("closed hihat", 42, 2, 2, volume_db=3.0, pan=0.25),
    )
    recipe = Recipe(verb="generate", model="drums", model_hash="ab" * 32, seed=7)
    bell = Piece("cow bell", 56, (Layer(1, 127, (noise(7, recipe=recipe),)),))
    return Kit(
        "Bedroom No. 1",
        (*pieces, bell),
        author="A. Drummer",
        licence="CC0-1.0",
        credits="Drum samples provided by nobody\nat all",
        about={"seed": 3},
    )


@pytest.fixture(scope="session")
def folder(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit, written for everything there is; only to be read."""
    place = tmp_path_factory.mktemp("kits") / "kit"
    write_kit(kit, place, formats=("sfz", "decentsampler", "hydrogen", "h2drumkit"))
    return place
