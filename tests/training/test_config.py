import pytest
import torch
from pydantic import ValidationError

from wavesmith.errors import RequestError
from wavesmith.families import DiffusionConfig
from wavesmith.training import TrainingConfig, read_recipe, recipe_names
from wavesmith.training.config import NoiseLevelsConfig


def test_a_recipe_survives_yaml(recipe, tmp_path):
    before = recipe(ema=(0.05, 0.1, 0.2), augmentation=None, clip=None)
    (tmp_path / "mine.yaml").write_text(before.to_yaml())
    assert read_recipe(tmp_path / "mine.yaml") == before


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_that_comes_along_can_be_built(name):
    found = read_recipe(name)
    config = DiffusionConfig(labels=("kick",), augments=7, **dict(found.model))
    with torch.device("meta"):
        from wavesmith.families import DiffusionModel

        assert sum(p.numel() for p in DiffusionModel(config).parameters()) > 1e5


def test_recipes_come_along():
    assert "drums" in recipe_names()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the whole"),
        ("- a\n- b", "the whole"),
        ("model: [", "not valid YAML"),
        ("model: {rate: 8000}", "model.channels"),
        ("!!python/object/apply:os.mkdir [trapped]", "not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_one_sentence(tmp_path, monkeypatch, text, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(RequestError) as caught:
        read_recipe("bad.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "trapped").exists()


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'drums'"):
        read_recipe("drmus")


def test_changes_leave_the_rest_and_none_changes_nothing(recipe):
    before = recipe()
    assert before.changed(examples=None, batch=None) == before
    after = before.changed(examples=7)
    assert (after.training.examples, before.training.examples) == (7, 64)
    assert after.changed(examples=64) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": 0},
        {"batch": 0},
        {"accumulate": 0},
        {"learning_rate": 0},
        {"decay": 1.5},
        {"betas": (0.9, 1.0)},
        {"clip": 0},
        {"ema": ()},
        {"ema": (0.0,)},
        {"ema": (0.3,)},
        {"label_dropout": 2},
        {"precision": "8"},
        {"held_out": 0.9},
        {"save_every": 0},
        {"seed": -1},
        {"noise_levels": {"kind": "pink"}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(recipe, wrong):
    with pytest.raises(ValidationError):
        TrainingConfig(**wrong)
    with pytest.raises(RequestError, match=next(iter(wrong))):
        recipe().changed(**wrong)


@pytest.mark.parametrize("kind", ["log_normal", "logit_normal", "uniform_angle", "crash", "uniform_flow"])
def test_every_kind_of_noise_levels_rises(kind):
    sigma = NoiseLevelsConfig(kind=kind).build().quantile(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64))
    assert (sigma.diff() > 0).all()
    assert (sigma > 0).all()


def test_mean_and_deviation_reach_the_normal_kinds():
    half = torch.tensor(0.5, dtype=torch.float64)
    for kind in ("log_normal", "logit_normal"):
        assert NoiseLevelsConfig(kind=kind, mean=1.0).build().quantile(half).log().item() == pytest.approx(1)
