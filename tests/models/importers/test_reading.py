"""Files that are not what they seem, and what is not read from them."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from wavesmith.models import convert, debug_model, load, save_folder


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


@pytest.fixture
def checkpoint(dance, tmp_path):
    convert(dance, tmp_path / "mine.ckpt", "ckpt")
    return tmp_path / "mine.ckpt"


@pytest.mark.parametrize("form", ["zip", "old", "pickle", "folder"])
def test_no_code_runs_on_load(checkpoint, tmp_path, monkeypatch, form, refusal):
    monkeypatch.chdir(tmp_path)
    content = torch.load(checkpoint, weights_only=True) | {"trap": Trap()}
    path = tmp_path / "bad.ckpt"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Trap(), protocol=2))
    elif form == "folder":
        convert(load(checkpoint), tmp_path / "folder", "diffusers")
        path = tmp_path / "folder" / "unet" / "diffusion_pytorch_model.bin"
        (path.parent / "diffusion_pytorch_model.safetensors").unlink()
        torch.save(content, path)
        path = tmp_path / "folder"
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form != "old")
    with refusal("posix.mkdir"):
        load(path)
    assert not (tmp_path / "trapped").exists()


def test_a_checkpoint_of_an_old_torch_loads(dance, checkpoint, same):
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content, checkpoint, _use_new_zipfile_serialization=False)
    assert same(load(checkpoint), dance)


@pytest.mark.parametrize("kept", [0, 1, 4, 100, 5000, 50_000])
def test_a_file_cut_short_is_refused(checkpoint, kept, refusal):
    checkpoint.write_bytes(checkpoint.read_bytes()[:kept])
    with refusal("mine.ckpt"):
        load(checkpoint)


@pytest.mark.parametrize(
    "content", [b"", b"just words\n", b"RIFF....WAVE", b"\x80\x02.", b"PK\x03\x04" + b"\0" * 40]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content, refusal):
    (tmp_path / "bad.ckpt").write_bytes(content)
    with refusal("bad.ckpt"):
        load(tmp_path / "bad.ckpt")


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"encoder.weight": torch.ones(3)}},
        {"state_dict": {"diffusion.stranger": torch.ones(3)}},
        {"state_dict": 3},
        {"state_dict": {0: torch.ones(3)}},
        {"model": {"x": torch.ones(1)}},
        {"model": 3, "ema_weights": 4},
        [1, 2],
        torch.ones(3),
        {},
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, content, refusal):
    torch.save(content, tmp_path / "other.ckpt")
    with refusal("other.ckpt"):
        load(tmp_path / "other.ckpt")


def test_safetensors_of_something_else_are_refused(tmp_path, refusal):
    save_file({"weight": torch.ones(3)}, tmp_path / "other.safetensors")
    with refusal("other.safetensors", "weight"):
        load(tmp_path / "other.safetensors")


def test_a_folder_with_one_checkpoint_loads_and_with_two_does_not(dance, checkpoint, same, refusal):
    folder = checkpoint.parent
    assert same(load(folder), dance)
    (folder / "another.ckpt").write_bytes(checkpoint.read_bytes())
    with refusal("2 checkpoints"):
        load(folder)


def test_our_own_models_say_everything_themselves(tmp_path, refusal):
    save_folder(tmp_path / "mine", debug_model().family, "")
    for name in ("debug", tmp_path / "mine"):
        for options in ({"rate": 8000}, {"length": 100}, {"weights": "ema"}):
            with refusal("rate, length and weights"):
                load(name, **options)


def test_the_files_of_our_own_models_are_not_foreign(tmp_path, refusal):
    save_folder(tmp_path / "mine", debug_model().family, "")
    with refusal("model.safetensors"):
        load(tmp_path / "mine" / "model.safetensors")
    (tmp_path / "mine" / "stray.ckpt").write_bytes(b"")
    assert load(tmp_path / "mine").name == str(tmp_path / "mine")


def test_a_folder_of_ours_without_its_settings_is_still_ours(tmp_path, refusal):
    save_folder(tmp_path / "mine", debug_model().family, "")
    (tmp_path / "mine" / "config.json").unlink()
    with refusal("config.json is missing"):
        load(tmp_path / "mine")


def test_an_export_of_stable_audio_tools_may_be_called_as_ours_are(dance, checkpoint, tmp_path, same):
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    export = {n.replace("diffusion.", "model.", 1): t.clone() for n, t in state.items() if "_ema" not in n}
    (tmp_path / "export").mkdir()
    save_file(export, tmp_path / "export" / "model.safetensors")
    settings = '{"model_type": "diffusion_uncond", "sample_rate": 16000, "sample_size": 512}'
    (tmp_path / "export" / "model_config.json").write_text(settings)
    assert same(load(tmp_path / "export"), dance)
