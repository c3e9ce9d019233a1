import math

import pytest
import torch
import yaml
from pydantic import ValidationError

from wavesmith.errors import RequestError
from wavesmith.families import DiffusionConfig
from wavesmith.training import TrainingConfig, read_recipe, recipe_names


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
    assert {"drums", "dance-diffusion", "tiny-audio-diffusion"} <= {*recipe_names()}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "group of settings"),
        ("- a\n- b", "group of settings"),
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
        {"noise_levels": {"kind": "crash", "mean": 1.0}},
        {"noise_levels": {"kind": "log_normal", "std": 0.0}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(recipe, wrong):
    with pytest.raises(ValidationError):
        TrainingConfig(**wrong)
    with pytest.raises(RequestError, match=next(iter(wrong))):
        recipe().changed(**wrong)


def quantile(share, **levels):
    shares = torch.as_tensor(share, dtype=torch.float64)
    return TrainingConfig(noise_levels=levels).noise_levels.build().quantile(shares)


@pytest.mark.parametrize("kind", ["log_normal", "logit_normal", "uniform_angle", "crash", "uniform_flow"])
def test_every_kind_of_noise_levels_rises(kind):
    sigma = quantile([0.1, 0.5, 0.9], kind=kind)
    assert (sigma.diff() > 0).all()
    assert (sigma > 0).all()


def test_mean_and_deviation_reach_the_normal_kinds_and_each_has_its_own_usual_ones():
    one = 0.5 * (1 + math.erf(1 / math.sqrt(2)))  # share below one deviation
    for kind, mean, std in (("log_normal", -0.6, 1.4), ("logit_normal", 0.0, 1.0)):
        assert quantile([0.5, one], kind=kind).log().tolist() == pytest.approx([mean, mean + std], abs=1e-6)
        given = quantile([0.5, one], kind=kind, mean=1.0, std=2.0)
        assert given.log().tolist() == pytest.approx([1.0, 3.0])


def test_a_gate_is_refused_where_there_are_no_bands(recipe, tmp_path):
    text = yaml.safe_load(recipe().to_yaml())
    text["model"]["transform"] = {"kind": "patch", "size": 16}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(text))
    with pytest.raises(RequestError, match="gated needs the spectral transform, not patch; choose another"):
        read_recipe(tmp_path / "odd.yaml")
    model = recipe().model.model_dump() | {"transform": {"kind": "raw"}}
    with pytest.raises(ValidationError, match="gated needs the spectral transform, not raw"):
        DiffusionConfig(**model)
