import resource
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from wavesmith.descriptors import measure
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models import Model, Provenance, convert, debug_model, format_of, load
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
    with refusal("labels"):
        convert(debug_model(), tmp_path / "out", form)


def test_diffusers_has_dance_diffusion_only(tiny, tmp_path, refusal):
    with refusal("attention_unet"):
        convert(tiny, tmp_path / "out", "diffusers")


def test_a_place_that_is_taken_is_left_alone(dance, tmp_path, refusal):
    (tmp_path / "out").write_text("mine")
    with refusal("out"):
        convert(dance, tmp_path / "out", "ckpt")
    assert (tmp_path / "out").read_text() == "mine"


def test_an_unknown_form_suggests_the_nearest(dance, tmp_path, refusal):
    with refusal("did you mean 'diffusers'"):
        convert(dance, tmp_path / "out", "diffuser")


@pytest.mark.parametrize("form", ["ckpt", "diffusers", "folder"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(dance, form, tmp_path, file_size, refusal):
    with file_size(20_000), refusal("File too large"):
        convert(dance, tmp_path / "out" / "model", form)
    assert not list((tmp_path / "out").iterdir())
    convert(dance, tmp_path / "out" / "model", form)


@pytest.fixture
def file_size():
    """Files cannot grow beyond a number of bytes, as if the disk were full."""

    @contextmanager
    def file_size(most):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return file_size


def test_a_folder_keeps_the_record_of_the_training_and_the_timbres(dance, tmp_path):
    timbre = measure([(torch.rand(2, 800) - 0.5, None) for _ in range(3)], 16000)
    known = replace(dance, timbre=timbre, provenance=Provenance(sources=()))
    convert(known, tmp_path / "mine", "folder")
    found = load(tmp_path / "mine")
    assert (found.timbre, found.provenance) == (timbre, Provenance(sources=()))


def test_the_form_follows_from_the_ending(tmp_path, refusal):
    assert (format_of(tmp_path / "mine"), format_of(tmp_path / "mine.ckpt")) == ("folder", "ckpt")
    with refusal(".safetensors"):
        format_of(tmp_path / "back.safetensors")
