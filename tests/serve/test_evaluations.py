"""Evaluations under the studio: watched, stopped, gone on with, and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from wavesmith import Sound
from wavesmith.models import debug_model, save_folder
from wavesmith.serve.app import create_app
from wavesmith.serve.studio import Studio

Wait = Callable[..., Any]


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory, tone: Callable[..., Sound]) -> Path:
    """Forty-eight sounds under two labels."""
    folder = tmp_path_factory.mktemp("drums")
    for k in range(24):
        tone(60 + 7 * k).write(folder / f"kick/{k}.wav")
        tone(900 + 90 * k).write(folder / f"snare/{k}.wav")
    return folder


def ended(client: TestClient, wait: Wait, model: str = "debug") -> dict[str, Any]:
    def record() -> Any:
        return (told := client.get(f"/api/models/{model}/evaluation").json())["state"] != "running" and told

    return dict(wait(record))


def test_an_evaluation_is_watched_to_its_end_and_its_report_read(client: TestClient, drums: Path) -> None:
    assert client.get("/api/models/debug/evaluation").status_code == 404
    assert "no report yet" in client.get("/api/models/debug/report").json()["error"]

    started = client.post("/api/models/debug/evaluate", json={"reference": str(drums), "count": 20})
    assert started.status_code == 202, started.text
    assert (started.json()["state"], started.json()["report"]) == ("running", None)
    events = client.get("/api/models/debug/evaluation/events").text
    states = [json.loads(line[6:])["state"] for line in events.splitlines() if line.startswith("data: ")]
    assert set(states[:-1]) <= {"running"}
    assert states[-1] == "done"

    done = client.get("/api/models/debug/evaluation").json()
    assert (done["state"], done["error"]) == ("done", None)
    report = client.get(done["report"])
    assert report.headers["content-type"].startswith("text/html")
    assert "Evaluation of debug" in report.text
    policy = report.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")


def test_an_evaluation_goes_on_after_a_restart_and_is_stopped(
    tmp_path: Path, drums: Path, wait: Wait
) -> None:
    studio = Studio(tmp_path, ["debug"])
    client = TestClient(create_app(studio), base_url="http://localhost")
    asked = {"reference": str(drums), "count": 10_000}
    path = "/api/models/debug/evaluation"
    assert client.post("/api/models/debug/evaluate", json=asked).status_code == 202
    wait(lambda: client.get(path).json()["stage"] == "generating sounds")
    other = client.post("/api/models/debug/evaluate", json=asked)
    assert other.status_code == 409
    assert "running" in other.json()["error"]
    wait(lambda: list(tmp_path.glob("evaluations/debug/sounds/*/*/*.wav")))

    studio.close()
    made = list(tmp_path.glob("evaluations/debug/sounds/*/*/*.wav"))

    studio = Studio(tmp_path, ["debug"])
    client = TestClient(create_app(studio), base_url="http://localhost")
    assert client.get(path).json()["state"] == "running"
    wait(lambda: len(list(tmp_path.glob("evaluations/debug/sounds/*/*/*.wav"))) > len(made))
    assert client.post(f"{path}/stop").json()["state"] == "stopped"
    assert client.post(f"{path}/resume").json()["state"] == "running"
    assert client.post(f"{path}/stop").json()["state"] == "stopped"
    studio.close()


def test_an_evaluation_that_cannot_be_done_says_why(
    client: TestClient, tmp_path: Path, tone: Callable[..., Sound], wait: Wait
) -> None:
    tone().write(tmp_path / "one.wav")
    asked = {"reference": str(tmp_path), "count": 20}
    assert client.post("/api/models/debug/evaluate", json=asked).status_code == 202
    failed = ended(client, wait)
    assert failed["state"] == "failed"
    assert "needs 20" in failed["error"]


def test_what_makes_no_sense_is_refused(client: TestClient, drums: Path) -> None:
    asked = {"reference": str(drums)}
    for name, wrong in (
        ("nonsense", {}),
        ("debug", {"against": "nonsense"}),
        ("debug", {"against": "debug"}),
        ("debug", {"count": 3}),
        ("debug", {"reference": "drums"}),
        ("debug", {"reference": str(drums / "nowhere")}),
        ("debug", {"reference": None}),
    ):
        answer = client.post(f"/api/models/{name}/evaluate", json=asked | wrong)
        assert 400 <= answer.status_code < 500, wrong
        assert answer.json()["error"]
    assert client.get("/api/models/nonsense/report").status_code == 400
    assert client.post("/api/models/nonsense/evaluation/stop").status_code == 404


def test_a_model_that_is_gone_is_said_when_the_library_is_opened_again(tmp_path: Path, drums: Path) -> None:
    model = debug_model()
    save_folder(tmp_path / "own", model.family, model.card)
    studio = Studio(tmp_path / "library", [str(tmp_path / "own")])
    client = TestClient(create_app(studio), base_url="http://localhost")
    asked = {"reference": str(drums), "count": 10_000}
    assert client.post("/api/models/own/evaluate", json=asked).status_code == 202
    studio.close()

    studio = Studio(tmp_path / "library", ["debug"])
    client = TestClient(create_app(studio), base_url="http://localhost")
    told = client.get("/api/models/own/evaluation").json()
    assert told["state"] == "failed"
    assert "no model called 'own'" in told["error"]
    studio.close()
