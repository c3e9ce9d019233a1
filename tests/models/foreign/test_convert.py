import errno

import pytest
import torch

from wavesmith.families import DiffusionModel
from wavesmith.models import Model, convert, debug_model, folder, load
from wavesmith.models.foreign import diffusers
from wavesmith.verbs import generate


@pytest.mark.parametrize("kind", ["dance", "tiny", "crashed"])
def test_a_converted_model_makes_the_same_sound(kind, tmp_path, request):
    model = request.getfixturevalue(kind)
    expected = generate(model, 1, seed=1, steps=2)[0].samples
    convert(model, tmp_path / "a.ckpt", "ckpt")
    config = model.family.config
    found = load(tmp_path / "a.ckpt", rate=config.rate, length=config.length)
    convert(found, tmp_path / "folder", "folder")
    settings = {"sampler": config.sampling.sampler, "schedule": config.sampling.schedule}
    for name in ("a.ckpt", "folder"):
        again = found if name == "a.ckpt" else load(tmp_path / name)
        sampling = {
            **settings,
            "sigma_min": config.sampling.sigma_min,
            "sigma_max": config.sampling.sigma_max,
        }
        assert (generate(again, 1, seed=1, steps=2, **sampling)[0].samples == expected).all()
    assert load(tmp_path / "folder").hash == found.hash
    assert load(tmp_path / "folder").card == found.card


def test_what_training_alone_needs_is_left_out(dance, tmp_path, same):
    config = dance.family.config.model_copy(update={"augments": 7})
    trained = DiffusionModel(config)
    trained.load_state_dict(dance.family.state_dict() | {"network.noise.augment.weight": torch.ones(16, 7)})
    for form in ("ckpt", "diffusers"):
        convert(Model("trained", "", trained), tmp_path / form, form)
        assert same(load(tmp_path / form), dance)


@pytest.mark.parametrize("form", ["ckpt", "diffusers"])
def test_a_model_of_our_own_kind_has_no_place_elsewhere(form, tmp_path, refusal):
    with refusal("No other tool has a place for this model", "with labels"):
        convert(debug_model(), tmp_path / "out", form)


def test_diffusers_has_dance_diffusion_only(tiny, tmp_path, refusal):
    with refusal("diffusers has no place for the network attention_unet"):
        convert(tiny, tmp_path / "out", "diffusers")


def test_a_place_that_is_taken_is_left_alone(dance, tmp_path, refusal):
    (tmp_path / "out").write_text("mine")
    with refusal("is already there; choose another place"):
        convert(dance, tmp_path / "out", "ckpt")
    assert (tmp_path / "out").read_text() == "mine"


def test_an_unknown_form_suggests_the_nearest(dance, tmp_path, refusal):
    with refusal("did you mean 'diffusers'"):
        convert(dance, tmp_path / "out", "diffuser")


@pytest.mark.parametrize("form", ["ckpt", "diffusers", "folder"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(dance, form, tmp_path, monkeypatch, refusal):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "write_tensors", full)
    monkeypatch.setattr(diffusers, "write_tensors", full)
    monkeypatch.setattr(torch, "save", full)
    with refusal("No space left on device", "make room there"):
        convert(dance, tmp_path / "out" / "model", form)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
