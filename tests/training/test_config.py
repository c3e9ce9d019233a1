import typing

import pytest
import yaml
from pydantic import ValidationError

from wavesmith.errors import RequestError
from wavesmith.families import build, on_meta_device
from wavesmith.training import RunConfig, TrainingConfig, config_names, load_config
from wavesmith.training.config import TrainingOptions


@pytest.mark.parametrize("family", ["toy", "diffusion"])
def test_a_configuration_survives_yaml(config, tmp_path, family):
    before = config(family, ema=(0.05, 0.1, 0.2), augmentation=None, clip=None)
    (tmp_path / "mine.yaml").write_text(before.to_yaml())
    assert load_config(tmp_path / "mine.yaml") == before
    assert RunConfig.model_validate(before.model_dump()) == before


@pytest.mark.parametrize("name", config_names())
def test_every_configuration_that_comes_along_can_be_built(name):
    config = load_config(name).model.model_copy(update={"labels": ("kick",), "augments": 7})
    with on_meta_device():
        assert sum(p.numel() for p in build(config).parameters()) > 1e5


def test_some_configurations_come_along():
    assert {"drums", "dance-diffusion", "tiny-audio-diffusion"} <= {*config_names()}


def test_files_of_version_0_1_are_still_read(config, tmp_path):
    text = yaml.safe_load(config("diffusion").to_yaml())
    del text["objective"], text["model"]["family"]
    text["training"]["noise_levels"] = {"kind": "log_normal", "mean": -0.2, "std": 1.0}
    text["training"]["augmentation"]["told"] = text["training"]["augmentation"].pop("conditioned")
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(text))
    read = load_config(tmp_path / "old.yaml")
    assert read.objective.noise_levels.mean == -0.2
    assert read.training == config("diffusion").training


def test_the_family_decides_which_objective_settings_there_are(config):
    model = config().model
    assert RunConfig(model=model).objective.realism == 0.01
    assert RunConfig(model=model, objective={"realism": 1}).objective.realism == 1
    with pytest.raises(ValidationError, match="noise_levels"):
        RunConfig(model=model, objective={"noise_levels": {"kind": "crash"}})
    with pytest.raises(ValidationError, match="realism"):
        RunConfig(model=model, objective={"realism": -1})
    with pytest.raises(ValidationError, match=r"(?s)noise_levels.*std"):
        RunConfig(
            model=config("diffusion").model, objective={"noise_levels": {"kind": "log_normal", "std": 0}}
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "group of settings"),
        ("- a\n- b", "group of settings"),
        ("model: [", "not valid YAML"),
        ("model: 7", "group of settings"),
        ("model: {rate: 8000}", "model.channels"),
        ("model: {family: toy, rate: 8000, channels: 1, length: 512, labels: [kick]}", "labels"),
        ("model: {family: difusion}", "did you mean 'diffusion'"),
        (
            "model: {family: toy, rate: 8000, channels: 1, length: 512}\ntraining: {batch: 0}",
            "training.batch",
        ),
        ("!!python/object/apply:os.mkdir [trapped]", "not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(RequestError) as caught:
        load_config("bad.yaml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "trapped").exists()


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(RequestError, match="'drums'"):
        load_config("drmus")


def test_changes_leave_the_rest_and_none_changes_nothing(config):
    before = config()
    assert before.with_training(examples=None, batch=None) == before
    after = before.with_training(examples=7)
    assert (after.training.examples, before.training.examples) == (7, 64)
    assert after.with_training(examples=64) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": 0},
        {"batch": 0},
        {"accumulate": 0},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
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
        {"colour": "red"},
    ],
    ids=str,
)
def test_values_that_cannot_be_used_are_refused_by_name(config, wrong):
    with pytest.raises(ValidationError):
        TrainingConfig(**wrong)
    with pytest.raises(RequestError, match=next(iter(wrong))):
        config().with_training(**wrong)


def test_every_field_is_described():
    for model in (TrainingConfig, RunConfig):
        assert all(field.description for field in model.model_fields.values())


def test_keyword_arguments_are_the_fields():
    assert typing.get_type_hints(TrainingOptions).keys() == TrainingConfig.model_fields.keys()


def test_a_gate_is_refused_where_there_are_no_bands(config, tmp_path):
    text = yaml.safe_load(config("diffusion").to_yaml())
    text["model"]["transform"] = {"kind": "patch", "size": 16}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(text))
    with pytest.raises(RequestError, match="gated needs the spectral transform"):
        load_config(tmp_path / "odd.yaml")
