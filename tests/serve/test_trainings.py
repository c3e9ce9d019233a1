"""Trainings under the studio: watched, stopped, gone on with."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from wavesmith import Sound
from wavesmith.errors import DataError
from wavesmith.serve.app import create_app
from wavesmith.serve.studio import Studio
from wavesmith.serve.trainings import TrainingRequest, checked

Wait = Callable[..., Any]


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory, tone: Callable[..., Sound]) -> Path:
    """Eight sounds under two labels, and a file that is none."""
    folder = tmp_path_factory.mktemp("drums")
    for k in range(4):
        tone(60 + 7 * k).write(folder / f"kick/{'abcd'[k]}.wav")
        tone(900 + 90 * k).write(folder / f"snare/{'abcd'[k]}.wav")
    (folder / "kick" / "broken.wav").write_bytes(b"RIFF")
    return folder


def test_a_folder_is_reported_on(client: TestClient, drums: Path) -> None:
    report = client.post("/api/scan", json={"folder": str(drums)}).json()
    assert len(report["files"]) == 8
    assert [label["label"] for label in report["labels"]] == ["kick", "snare"]
    assert report["left_out"][0][0] == "kick/broken.wav"


def test_folders_that_are_none_are_refused(client: TestClient, tmp_path: Path) -> None:
    for folder in ("drums", "../drums", str(tmp_path / "nowhere"), "/\0", "~nobody-of-that-name/x", "\ud800"):
        answer = client.post("/api/scan", json={"folder": folder} if folder != "\ud800" else {"folder": ""})
        assert 400 <= answer.status_code < 500, folder
        assert answer.json()["error"]
    for name in "abc":
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="more than 2 files"):
        checked(str(tmp_path), 2)


def test_a_training_is_watched_to_its_end_and_its_model_plays(
    client: TestClient, drums: Path, wait: Wait, make: Callable[..., list[str]]
) -> None:
    asked = {"folder": str(drums), "name": "mine", "base": "debug", "examples": 1000}
    started = client.post("/api/trainings", json=asked)
    assert started.status_code == 202, started.text
    training = started.json()["id"]
    events = client.get(f"/api/trainings/{training}/events").text
    assert '"state":"running"' in events
    done = client.get(f"/api/trainings/{training}").json()
    assert done["state"] == "done", done["error"]
    assert (done["seen"], done["examples"]) == (1000, 1000)
    assert len(done["losses"]) > 2
    assert len(done["held_out"]) == 2
    demo = done["demos"][-1]
    assert demo["examples"] >= 1000
    assert Image.open(io.BytesIO(client.get(demo["picture"]).content)).width > 100
    assert client.get(demo["sounds"][0]).content.startswith(b"RIFF")
    assert client.get(f"/api/trainings/{training}/demos/..%2F..%2F/recipe.yaml").status_code == 404
    assert "mine" in [model["name"] for model in client.get("/api/models").json()]
    assert make(model="mine", settings={"label": "snare"}, seed=1)
    again = client.post("/api/trainings", json=asked)
    assert again.status_code == 400
    assert "mine" in again.json()["error"]


def test_a_training_goes_on_after_a_restart_and_is_stopped(tmp_path: Path, drums: Path, wait: Wait) -> None:
    studio = Studio(tmp_path, ["debug"])
    client = TestClient(create_app(studio), base_url="http://localhost")
    asked = {"folder": str(drums), "name": "long", "base": "debug", "examples": 1_000_000}
    path = f"/api/trainings/{client.post('/api/trainings', json=asked).json()['id']}"
    wait(lambda: client.get(path).json()["seen"] > 0)
    other = client.post("/api/trainings", json=asked | {"name": "other"})
    assert other.status_code == 409
    assert "running" in other.json()["error"]

    studio.close()

    studio = Studio(tmp_path, ["debug"])
    client = TestClient(create_app(studio), base_url="http://localhost")
    before = client.get(path).json()
    assert before["state"] == "running"
    assert before["seen"] > 0
    wait(lambda: client.get(path).json()["seen"] > before["seen"])
    assert client.post(f"{path}/stop").json()["state"] == "stopped"
    kept = wait(lambda: (there := sorted((tmp_path / "models/long/training").glob("*"))) and there)
    assert "last.ckpt" in [file.name for file in kept]
    studio.close()


def test_a_training_that_cannot_be_done_says_why(client: TestClient, tmp_path: Path, wait: Wait) -> None:
    (tmp_path / "kick").mkdir()
    (tmp_path / "kick" / "a.wav").write_bytes(b"RIFF")
    asked = {"folder": str(tmp_path), "name": "broken"}
    training = client.post("/api/trainings", json=asked).json()["id"]
    failed = wait(
        lambda: (record := client.get(f"/api/trainings/{training}").json())["state"] == "failed" and record
    )
    assert "can be used" in failed["error"]
    assert client.post(f"/api/trainings/{training}/resume").json()["state"] == "running"
    assert client.post(f"/api/trainings/{training}/stop").json()["state"] == "stopped"
    for wrong in ({"base": "nonsense"}, {"recipe": "nonsense"}, {"recipe": "drums", "base": "debug"}):
        assert client.post("/api/trainings", json=asked | {"name": "x"} | wrong).status_code == 400


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 50, "drums\n", "C:"])
def test_names_of_models_are_never_paths(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        TrainingRequest(folder="/", name=name)
