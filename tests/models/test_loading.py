import os
import subprocess
import sys

import huggingface_hub
import pytest

from wavesmith.errors import ModelError
from wavesmith.models import DEFAULT_MODEL, bundled_names, debug_model, load, loading, save_folder
from wavesmith.verbs import again, generate


@pytest.fixture
def offline(monkeypatch):
    """A hub that cannot be reached, and the list of repositories requested from it."""
    requested = []

    def refuse(repository, **options):
        requested.append(repository)
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    return requested


@pytest.fixture
def folder(tmp_path):
    save_folder(tmp_path / "mine", debug_model().family, "# Mine\n")
    return tmp_path / "mine"


def test_debug_is_always_there():
    assert "debug" in bundled_names()
    assert load("debug").hash == debug_model().hash


def test_debug_is_the_same_in_every_process():
    code = (
        "from wavesmith.models import load; from wavesmith.verbs import generate;"
        "m = load('debug'); s = generate(m, label='kick', seed=3)[0].samples;"
        "import hashlib; print(m.hash, hashlib.sha256(s.tobytes()).hexdigest())"
    )
    source = str(loading.BUNDLED.parents[2])
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": source, "PYTHONHASHSEED": str(k)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for k in range(2)
    ]
    assert outputs[0] == outputs[1]
    assert debug_model().hash in outputs[0]


def test_making_the_debug_model_leaves_the_callers_random_numbers_alone():
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    debug_model()
    assert torch.equal(torch.rand(3), expected)


def test_a_folder_is_found_by_its_path(folder, monkeypatch):
    assert load(folder).card == "# Mine\n"
    monkeypatch.chdir(folder.parent)
    assert load("mine").name == "mine"
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load("~/mine").card == "# Mine\n"


def test_a_sound_finds_its_model_again_by_the_folder(folder):
    sound = generate(load(folder), seed=2)[0]
    assert (again(sound).samples == sound.samples).all()


def test_a_bundled_model_is_found_by_its_name(folder, monkeypatch):
    monkeypatch.setattr(loading, "BUNDLED", folder.parent)
    assert bundled_names() == ["mine", "debug"]
    assert load("mine").name == "mine"


def test_a_hub_repository_is_downloaded_and_keeps_its_name(folder, monkeypatch):
    wanted = {}

    def download(repository, allow_patterns):
        wanted[repository] = allow_patterns
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    model = load("somebody/drums")
    assert model.name == "somebody/drums"
    assert {"config.json", "model.safetensors", "README.md"} <= set(wanted["somebody/drums"])
    assert not {"*", "*.wav", "*.py"} & set(wanted["somebody/drums"])


def test_a_hub_that_cannot_be_reached_is_one_sentence(offline):
    with pytest.raises(ModelError, match="somebody/drums") as caught:
        load("somebody/drums")
    assert "\n" not in str(caught.value)
    assert offline == ["somebody/drums"]


@pytest.mark.parametrize(
    "name", ["debgu", "", "a b/c d", "x" * 5000, "one/two/three", "~nobody-knows/x/y", "\0"]
)
def test_a_name_that_means_nothing_is_refused_without_asking_the_hub(offline, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        load(name)
    assert offline == []


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'debug'"):
        load("debgu")


def test_a_file_is_not_a_model(folder):
    with pytest.raises(ModelError, match=r"config\.json"):
        load(folder / "config.json")


def test_a_sound_is_not_a_model(tmp_path):
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    with pytest.raises(ModelError, match=r"kick\.wav"):
        load(tmp_path / "kick.wav")


def test_an_empty_folder_is_not_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        load(tmp_path)


@pytest.mark.parametrize("device", ["cudaa", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there_is_one_sentence(device):
    with pytest.raises(ModelError, match="device"):
        load("debug", device)


def test_the_default_has_a_name():
    assert isinstance(DEFAULT_MODEL, str)
