"""A studio with the debug model, in this process and in one of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'studio' is not installed")

from starlette.testclient import TestClient

from wavesmith import Sound
from wavesmith.serve.app import create_app
from wavesmith.serve.limits import Limits
from wavesmith.serve.studio import Studio

Wave = Callable[..., Sound]


@pytest.fixture(scope="session")
def tone() -> Wave:
    """Make a tone that dies away."""

    def made(hertz: float = 200.0, seconds: float = 0.25, rate: int = 8000) -> Sound:
        time = np.arange(round(seconds * rate)) / rate
        wave = 0.5 * np.sin(2 * np.pi * hertz * time) * np.exp(-12 * time / seconds)
        return Sound(wave[None], rate)

    return made


@pytest.fixture
def wav(tmp_path: Path) -> Callable[[Sound], bytes]:
    """The bytes of a WAV file of a sound."""

    def written(sound: Sound) -> bytes:
        sound.write(tmp_path / "brought.wav")
        return (tmp_path / "brought.wav").read_bytes()

    return written


def client_of(studio: Studio, **options: Any) -> TestClient:
    return TestClient(
        create_app(studio, **options), base_url="http://localhost", raise_server_exceptions=False
    )


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for the tests that may share it: its worker takes seconds to start."""
    studio = Studio(tmp_path_factory.mktemp("shared"), ["debug"], Limits(body_seconds=1.0))
    yield studio
    studio.close()


@pytest.fixture
def client(shared: Studio) -> TestClient:
    return client_of(shared)


@pytest.fixture
def watch(client: TestClient) -> Callable[[str], list[dict[str, Any]]]:
    """Everything that is told about a job until it ends."""

    def told(job: str) -> list[dict[str, Any]]:
        text = client.get(f"/api/jobs/{job}/events").text
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]

    return told


@pytest.fixture
def make(client: TestClient, watch: Callable[[str], list[dict[str, Any]]]) -> Callable[..., list[str]]:
    """Have sounds made, and wait for them; gives their ids."""

    def made(**asked: Any) -> list[str]:
        job = client.post("/api/jobs", json={"verb": "generate", **asked})
        assert job.status_code == 202, job.text
        ended = watch(job.json()["id"])[-1]
        assert ended["state"] == "done", ended
        return list(ended["sounds"])

    return made


@pytest.fixture
def bring(client: TestClient, wav: Callable[[Sound], bytes], tone: Wave) -> Callable[..., str]:
    """Bring a sound; gives its id."""

    def brought(sound: Sound | None = None, name: str = "my kick.wav") -> str:
        answer = client.post("/api/uploads", files={"file": (name, wav(sound or tone()))})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return brought


@pytest.fixture(scope="session")
def wait() -> Callable[..., Any]:
    """What a function gives, once that is something."""

    def found(until: Callable[[], Any], seconds: float = 120.0) -> Any:
        end = time.monotonic() + seconds
        while not (value := until()):
            assert time.monotonic() < end, "waited too long"
            time.sleep(0.02)
        return value

    return found


class Server:
    """`wavesmith studio` in a process of its own, spoken to over a socket."""

    def __init__(self, library: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "wavesmith", "studio", "--no-open", "--model", "debug"),
                *("--port", "0", "--library", str(library), *options),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)/", self.said)
        assert found, self.said + self.process.communicate(timeout=30)[1]
        self.port = int(found[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()  # type: ignore[union-attr]

    def ask(self, path: str, data: Any = None, method: str | None = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        headers = {"Content-Type": "application/json"}
        url = f"http://localhost:{self.port}{path}"
        with urllib.request.urlopen(
            urllib.request.Request(url, body, headers, method=method), timeout=30
        ) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """As if the power went."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """Ctrl-C; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers, which end with the test."""
    started: list[Server] = []

    def start(library: Path, *options: str) -> Server:
        started.append(Server(library, *options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()
