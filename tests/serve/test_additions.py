"""A verb and a family that are added at run time are found in Python, as a command and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor

pytest.importorskip("fastapi", reason="the extra 'studio' is not installed")

from wavesmith import Sound, load
from wavesmith.cli.main import run
from wavesmith.errors import RequestError
from wavesmith.families import FAMILIES, Condition, Family, FamilyConfig, Objective, ObjectiveConfig, Sampling
from wavesmith.models import save_folder
from wavesmith.noise import ItemNoise
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.requests import completed, described, job_request_type, verbs_of
from wavesmith.verbs import VERBS, Task, Verb, VerbSettings


class QuieterSettings(VerbSettings):
    """Settings of the added verb."""

    decibels: float = Field(default=6.0, ge=0, le=60, description="Decibels to take off.")


def quieter(task: Task[QuieterSettings], indices: Any) -> Iterator[Sound]:
    for _ in indices:
        yield task.sources[0].gain(-task.settings.decibels)


@pytest.fixture
def verb() -> Iterator[None]:
    added = Verb("turn_down", "Make a sound quieter.", QuieterSettings, quieter, ("generate",), sources=(1,))
    VERBS.register("turn_down", added)
    yield
    VERBS.unregister("turn_down")


class HissSampling(Sampling):
    """Settings of the added family."""

    colour: float = Field(default=0.5, ge=0, le=1, description="From white noise, 0, to brown noise, 1.")


class Hiss(Family):
    """Generates noise, and nothing else."""

    NAME = "hiss"
    CONFIG = FamilyConfig
    OPERATIONS: ClassVar[Any] = {"generate": HissSampling}

    def __init__(self, config: FamilyConfig) -> None:
        super().__init__(config)
        self.level = torch.nn.Parameter(torch.tensor(0.1))

    def objectives(self, settings: ObjectiveConfig, seed: int) -> list[Objective]:
        return []

    def generate(self, condition: Condition, length: int, sampling: HissSampling, noise: ItemNoise) -> Tensor:
        waves = noise.normal((self.config.channels, length))
        return self.level * torch.lerp(waves, waves.cumsum(-1) / 10, sampling.colour)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Path]:
    FAMILIES.register("hiss", Hiss)
    save_folder(
        tmp_path / "hissing", Hiss(FamilyConfig(family="hiss", rate=8000, channels=1, length=800)), ""
    )
    yield tmp_path / "hissing"
    FAMILIES.unregister("hiss")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Sound(np.full((1, 800), 0.5), 8000).write("a.wav")
    return tmp_path / "a.wav"


@pytest.mark.usefixtures("verb")
def test_a_verb_is_found_everywhere(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = load("debug")
    (made,) = model.turn_down(source, decibels=20.0)  # type: ignore[attr-defined]
    assert made.peak == pytest.approx(0.05, abs=1e-4)

    assert run(["--help"]) == 0
    assert "turn-down" in capsys.readouterr().out
    assert run(["turn-down", "a.wav", "--decibels", "20", "--seed", "1", "--model", "debug"]) == 0
    assert Sound.read("sounds/a-turn_down-1-000.wav").peak == pytest.approx(0.05, abs=1e-4)
    assert run(["turn-down", "a.wav", "--decibels", "99", "--model", "debug"]) == 2
    assert "decibels" in capsys.readouterr().err

    described_verb = described(model)["turn_down"]
    assert described_verb["settings"]["properties"]["decibels"]["maximum"] == 60
    request = validated({"verb": "turn_down", "sources": ["0123456789ab"], "settings": {"decibels": 3}})
    values, total = completed(request, "debug", model, lambda sound: source)
    assert (values["settings"], total) == ({"decibels": 3.0}, 1)


def test_a_family_does_what_it_can_and_refuses_the_rest(
    family: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load(family)
    (made,) = model.generate(colour=1.0, seed=1)
    assert made.samples.any()
    with pytest.raises(RequestError, match="cannot vary; it can generate"):
        model.vary(source)

    assert run(["generate", "--colour", "1", "--seed", "1", "--model", str(family), "--bits", "float"]) == 0
    assert np.array_equal(Sound.read("sounds/sound-1-000.wav").samples, made.samples)
    assert run(["vary", "a.wav", "--model", str(family)]) == 2
    assert "This model cannot vary; it can generate" in capsys.readouterr().err
    assert run(["generate", "--colour", "1", "--model", "debug"]) == 2
    assert "colour" in capsys.readouterr().err
    assert run(["models", "info", str(family)]) == 0
    assert "It can generate." in capsys.readouterr().out

    assert verbs_of(model) == ["generate"]
    assert Catalog(family.parent).record("hissing", set()).verbs == ["generate"]
    properties = described(model)["generate"]["settings"]["properties"]
    assert properties["colour"]["default"] == 0.5
    assert not properties.keys() & {"steps", "guide", "label"}
    request = validated({"verb": "vary", "sources": ["0123456789ab"]})
    with pytest.raises(RequestError, match="cannot vary; it can generate"):
        completed(request, "hissing", model, lambda sound: source)


def validated(values: dict[str, Any]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(job_request_type()).validate_python(values)
