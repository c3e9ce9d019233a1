"""Sounds made by version 0.1 are made again from their recipes, by every verb, sampler and schedule."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wavesmith
from wavesmith import Model, Recipe, Sound

_STORED = Path(__file__).with_name("version-0.1")
_DOCUMENT: dict[str, Any] = json.loads(_STORED.with_suffix(".1.json").read_text(encoding="utf-8"))
_TOLERANCE = 1e-3  # of full scale: last bits differ between processors, and a diffusion walk grows them


@cache
def _samples() -> dict[str, np.ndarray]:
    with np.load(_STORED.with_suffix(".1.npz")) as file:
        return dict(file)


@cache
def _model(name: str) -> Model:
    return wavesmith.load(name)


def _source(name: str) -> Sound:
    samples = _samples()[f"source/{name}"].astype(np.float32) / 32768
    return Sound(samples, _DOCUMENT["rates"][name])


@pytest.mark.parametrize("name", _DOCUMENT["cases"])
def test_sound_of_version_0_1_is_made_again(name: str) -> None:
    case = _DOCUMENT["cases"][name]
    recipe = Recipe.model_validate(case["recipe"])
    made = wavesmith.again(
        recipe, model=_model(recipe.model), sources=[_source(source) for source in case["sources"]]
    )
    expected = _samples()[f"sound/{name}"].astype(np.float32) / 32767 / case["scale"]
    assert made.rate == case["rate"]
    assert made.samples.shape == expected.shape
    np.testing.assert_allclose(made.samples * case["scale"], expected * case["scale"], atol=_TOLERANCE)
