"""The Hugging Face Hub, played by a few functions; more of getting is in test_registry.py."""

import errno
import shutil
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalTokenNotFoundError

from wavesmith.errors import ModelError
from wavesmith.models import debug_model, load, push, save_folder


@pytest.fixture
def folder(tmp_path):
    save_folder(tmp_path / "mine", debug_model().family, "# Mine\n")
    (tmp_path / "mine" / "training").mkdir()
    (tmp_path / "mine" / "training" / "last.ckpt").write_bytes(b"private")
    return tmp_path / "mine"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that is a folder; says what repositories were made, and how."""
    made = {}

    def create_repo(self, repository, *, private, exist_ok):
        made[repository] = private

    def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
        (tmp_path / "hub").mkdir()
        for name in allow_patterns:
            if (folder_path / name).is_file():
                shutil.copy(folder_path / name, tmp_path / "hub")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", upload_folder)
    return made


def test_a_pushed_model_is_the_same_and_nothing_else_is_sent(folder, hub, tmp_path):
    assert push(folder, "me/mine") == "https://huggingface.co/me/mine"
    assert load(tmp_path / "hub").hash == load(folder).hash
    assert {path.name for path in (tmp_path / "hub").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }


@pytest.mark.parametrize("private", [True, False])
def test_a_new_repository_is_private_unless_asked(folder, hub, private):
    push(folder, "me/mine", **({} if private else {"private": False}))
    assert hub == {"me/mine": private}


def test_what_is_no_model_is_not_pushed(folder, hub):
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        push(folder, "me/mine")
    assert hub == {}


@pytest.mark.parametrize("error", [LocalTokenNotFoundError("no\ntoken"), ConnectionError("down")])
def test_a_hub_that_does_not_take_it_is_one_sentence(folder, monkeypatch, error):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    with pytest.raises(ModelError, match="me/mine") as caught:
        push(folder, "me/mine")
    assert "\n" not in str(caught.value)


def test_a_model_too_large_for_the_disk_is_refused_before_it_is_got(monkeypatch):
    files = [
        SimpleNamespace(rfilename="model.safetensors", size=20 * 10**15),
        SimpleNamespace(rfilename="demo.wav", size=10**18),
    ]
    info = SimpleNamespace(siblings=files, sha="0" * 40)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *args, **options: info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(ModelError, match="me/huge"):
        load("me/huge")


def test_a_disk_that_runs_full_on_the_way_is_one_sentence(monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(ModelError, match="me/mine"):
        load("me/mine")
