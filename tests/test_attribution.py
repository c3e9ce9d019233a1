from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import wavesmith
from wavesmith import Sound
from wavesmith.errors import AudioError, ModelError
from wavesmith.models import Model, TrainingSource, debug_model, load_folder, provenance_of, save_folder
from wavesmith.models.provenance import Base, Provenance, save_provenance

RIMS = TrainingSource(
    author="B. Player",
    title="Rims 1",
    url="https://rims.example",
    licence="CC-BY-4.0",
    basis="opt-in",
    sounds=2,
    sha256=("b", "c"),
)
FREE = TrainingSource(author="Ann", source="Shed", licence="CC0-1.0", sounds=1, sha256=("a",))
SHARED = TrainingSource(source="Attic", licence="CC-BY-SA-4.0", sounds=1, sha256=("e",))
SILENT = TrainingSource(source="Cellar", sounds=1, sha256=("d",))


@pytest.fixture
def saved(tmp_path: Path):
    def save(name: str, *sources: TrainingSource, base: Base | None = None) -> Model:
        save_folder(tmp_path / name, debug_model().family, "A card.\n")
        save_provenance(tmp_path / name, Provenance(sources=sources, base=base))
        return load_folder(tmp_path / name)

    return save


def test_a_file_names_whom_its_model_owes(saved, tmp_path: Path) -> None:
    model = saved("mine", RIMS, FREE)
    path = tmp_path / "kick.wav"
    wavesmith.generate(model, 1, label="kick", seed=1)[0].write(path)
    found = wavesmith.credits(path)
    assert [credit.author for credit in found.owed] == ["B. Player"]
    assert [credit.author for credit in found.free] == ["Ann"]
    assert (
        '"Rims 1" (https://rims.example) by B. Player, CC BY 4.0 '
        "(https://creativecommons.org/licenses/by/4.0/)" in found.text
    )
    assert "Ann" not in found.text
    assert f"{model.name} ({model.hash})" in found.text
    assert found == wavesmith.credits(model) == wavesmith.credits(str(tmp_path / "mine"))


def test_cc0_says_that_none_is_owed(saved) -> None:
    found = wavesmith.credits(saved("free", FREE))
    assert not found.owed
    assert "No attribution is owed" in found.text


def test_conditions_and_what_is_unclear_are_said(saved) -> None:
    found = wavesmith.credits(saved("mixed", SHARED, SILENT))
    assert "must be under the same licence" in found.text
    assert [credit.source for credit in found.unclear] == ["Cellar"]
    assert "Sounds from Cellar by an author not stated, licence not stated" in found.text
    assert "No attribution is owed" not in found.text


def test_models_that_say_nothing_are_named(saved) -> None:
    silent = dataclasses.replace(debug_model(), name="silent", provenance=None)
    assert "The model silent has no record" in wavesmith.credits(silent).text
    tuned = saved("tuned", FREE, base=Base(name="older", hash="0" * 16, provenance=None))
    found = wavesmith.credits(tuned)
    assert found.unrecorded == ("older",)
    assert [maker.name for maker in found.models] == [tuned.name, "older"]
    assert "No attribution is owed" not in found.text


def test_a_fine_tuned_model_owes_what_its_base_owed(saved) -> None:
    base = Base(name="older", hash="0" * 16, provenance=Provenance(sources=(RIMS,)))
    found = wavesmith.credits(saved("tuned", FREE, base=base))
    assert [credit.author for credit in found.owed] == ["B. Player"]


def test_sources_of_sources_are_included(saved, tmp_path: Path) -> None:
    """A variation by one model of a sound by another, from a file that somebody brought."""
    first, second = saved("first", RIMS), debug_model()
    time = np.arange(2000) / 8000
    Sound(np.sin(700 * time)[None] * np.exp(-20 * time), 8000).write(tmp_path / "own.wav")
    one = wavesmith.vary(first, tmp_path / "own.wav", 1, amount=0.5, seed=1)[0]
    two = wavesmith.vary(second, one, 1, amount=0.5, seed=1)[0]
    found = wavesmith.credits(two)
    assert {maker.name for maker in found.models} == {first.name, "debug"}
    assert [credit.author for credit in found.owed] == ["B. Player"]
    assert found.own == (str(tmp_path / "own.wav"),)
    assert "own.wav" in found.text


def test_a_model_that_has_gone_is_asked_for(saved, tmp_path: Path) -> None:
    model = saved("mine", RIMS)
    sound = wavesmith.generate(model, 1, label="kick", seed=1)[0]
    (tmp_path / "mine").rename(tmp_path / "moved")
    with pytest.raises(ModelError, match=model.hash):
        wavesmith.credits(sound)
    assert wavesmith.credits(sound, model=load_folder(tmp_path / "moved")).owed


def test_another_model_of_that_name_is_not_taken_for_it(saved) -> None:
    recipe = wavesmith.generate(debug_model(), 1, label="kick", seed=1)[0].recipe
    with pytest.raises(ModelError, match="hash"):
        wavesmith.credits(recipe.model_copy(update={"model_hash": "0" * 16}))


def test_what_carries_no_recipe_is_refused_alone_and_listed_in_a_folder(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 500)).astype(np.float32) / 8
    Sound(noise, 8000).write(tmp_path / "own.wav")
    wavesmith.generate(debug_model(), 1, label="kick", seed=1)[0].write(tmp_path / "made.wav")
    with pytest.raises(AudioError, match=r"own\.wav"):
        wavesmith.credits(tmp_path / "own.wav")
    found = wavesmith.credits(tmp_path)
    assert [maker.name for maker in found.models] == ["debug"]
    assert found.own == (str(tmp_path / "own.wav"),)


def test_credits_are_plain_values(saved) -> None:
    found = wavesmith.credits(saved("mine", RIMS, FREE))
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["owed"][0]["licence"] == "CC BY 4.0"


def test_nothing_is_owed_for_what_was_trained_on_nothing() -> None:
    assert not provenance_of([]).sources
    assert "No attribution is owed" in wavesmith.credits(debug_model()).text
