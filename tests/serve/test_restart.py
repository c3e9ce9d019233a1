"""`wavesmith studio` in a process of its own: started, closed, killed, started again."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wavesmith import Sound, generate, load

Wait = Callable[..., Any]
COUNT = 30
ASKED = {"verb": "generate", "count": COUNT, "seed": 7, "settings": {"label": "kick", "steps": 10}}


def test_nothing_made_is_lost_when_it_is_closed_or_killed_and_the_job_goes_on(
    tmp_path: Path, serve: Callable[..., Any], wait: Wait
) -> None:
    server = serve(tmp_path)
    job = server.ask("/api/jobs", ASKED)["id"]
    wait(lambda: server.ask(f"/api/jobs/{job}")["done"] >= 2)
    assert server.interrupt() == 0
    kept = contents(tmp_path)

    server = serve(tmp_path)
    wait(lambda: server.ask(f"/api/jobs/{job}")["done"] >= len(kept) + 2)
    known = server.ask(f"/api/jobs/{job}")["sounds"]
    server.kill()
    kept |= contents(tmp_path)
    assert {f"{sound}.wav" for sound in known} <= kept.keys()
    assert len(kept) < COUNT

    server = serve(tmp_path)  # the worker of the killed server has ended with it
    wait(lambda: server.ask(f"/api/jobs/{job}")["state"] == "done")
    assert server.ask(f"/api/jobs/{job}")["sounds"] == [f"{job}-{k:03d}" for k in range(COUNT)]
    assert server.ask("/api/sounds?limit=1")["total"] == COUNT
    made = contents(tmp_path)
    assert len(made) == COUNT
    assert {name: made[name] for name in kept} == kept
    wanted = generate(load("debug"), COUNT, label="kick", seed=7, steps=10)
    for name, sound in zip(sorted(made), wanted, strict=True):
        assert Sound.read(tmp_path / "sounds" / name).recipe == sound.recipe


def contents(library: Path) -> dict[str, bytes]:
    """All that has been made."""
    files = (library / "sounds").glob("*.wav")
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".")}


def test_beyond_this_machine_a_token_is_drawn(tmp_path: Path, serve: Callable[..., Any]) -> None:
    server = serve(tmp_path, "--host", "0.0.0.0")
    assert "?token=" in server.said
    with pytest.raises(urllib.error.HTTPError, match="401"):
        server.ask("/api/health")
