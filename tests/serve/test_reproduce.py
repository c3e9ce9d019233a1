"""Commands and Python code that make a sound again: run, for every verb."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'studio' is not installed")

from wavesmith import Recipe, Sound, load
from wavesmith.cli.main import run
from wavesmith.models import Model
from wavesmith.serve.reproduce import Reproduction, reproduction
from wavesmith.verbs import VERBS

SETTINGS: dict[str, dict[str, Any]] = {
    "generate": {"label": {"kick": 0.5, "snare": 0.25}, "avoid": "hihat", "guidance_interval": (0.5, 6.0)},
    "vary": {"amount": 0.6, "method": "inversion", "steps": 3, "peak_db": -3.0},
    "restyle": {"envelope": 0.5, "sampler": "ddim", "eta": 0.5},
    "morph": {"count": 4},
    "morph_labels": {"label": "kick", "to": "snare", "count": 4},
    "inpaint": {"regions": ((0.01, 0.05), (0.1, 0.15)), "label": "kick"},
    "extend": {"after": 0.05},
    "loop": {"bars": 0.5, "bpm": 480.0, "beats": 4},
    "upscale": {"cutoff": 1500.0},
    "clean": {"strength": 2.0},
}


@pytest.fixture(scope="module")
def model() -> Model:
    return load("debug")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for name, hertz in (("a", 300), ("b", 700)):
        time = np.arange(2000) / 8000
        Sound(0.5 * np.sin(2 * np.pi * hertz * time)[None] * np.exp(-8 * time), 8000).write(f"{name}.wav")
    return ["a.wav", "b.wav"]


@pytest.mark.parametrize("name", VERBS)
def test_command_and_python_make_the_very_same_sound(model: Model, sources: list[str], name: str) -> None:
    verb, settings = VERBS[name], SETTINGS[name]
    given = sources[: min(verb.sources)]
    made = next(verb.stream(model, *given, seed=9, first=2, **settings))
    made.write("made.wav")
    assert made.recipe
    again = reproduction(made.recipe, "made.wav", given, model)
    for sound in (by_command(again), by_python(again)):
        assert sound.recipe == made.recipe
        assert np.array_equal(sound.samples, Sound.read("made.wav").samples)


def by_command(again: Reproduction) -> Sound:
    program, *arguments = shlex.split(again.command)
    assert program == "wavesmith"
    assert run([*arguments, "--out", "again"]) == 0
    return Sound.read(next(path for path in Path("again").iterdir() if "-002." in path.name))


def by_python(again: Reproduction) -> Sound:
    exec(again.python, {})
    return Sound.read("again.wav")


def test_what_the_model_would_choose_anyway_is_left_out(model: Model) -> None:
    (sound,) = VERBS["generate"].stream(model, label="kick", seed=1)
    assert sound.recipe
    again = reproduction(sound.recipe, "x.wav", (), model)
    assert again.command == "wavesmith generate --label kick --seed 1 --model debug"


def test_timbres_are_options_and_other_guides_need_the_file() -> None:
    recipe = Recipe(verb="generate", model="mine", model_hash="", seed=1)
    timbre = {"timbre": "brightness", "percentile": 80.0, "weight": 1.0, "interval": [0.0, 1e9]}
    plain = recipe.model_copy(update={"settings": {"guide": [timbre]}})
    assert "--timbre brightness=80.0" in reproduction(plain, "x.wav", (), None).command
    heavy = recipe.model_copy(update={"settings": {"guide": [timbre | {"weight": 2.0}]}})
    assert reproduction(heavy, "x.wav", (), None).command == "wavesmith again x.wav"


def test_recipes_of_version_0_1_are_reproduced_by_todays_names(model: Model, sources: list[str]) -> None:
    (sound, *_) = VERBS["morph"].stream(model, *sources, *sources, count=2)
    assert sound.recipe
    old = sound.recipe.model_copy(
        update={"verb": "grid", "version": "0.1.0", "settings": {"sounds": 2, "steps": 4, "sampler": "euler"}}
    )
    assert (
        "wavesmith morph a.wav b.wav a.wav b.wav --count 2"
        in reproduction(old, "x.wav", [*sources, *sources], model).command
    )
