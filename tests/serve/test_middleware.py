"""Who may ask, and how much: hosts, origins, tokens, sizes, slow senders."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from wavesmith.serve.app import create_app
from wavesmith.serve.studio import Studio

TOKEN = "a-token-for-tests"


@pytest.fixture
def remote(shared: Studio) -> TestClient:
    """A client of a server beyond this machine."""
    app = create_app(shared, token=TOKEN, local=False)
    return TestClient(app, base_url="http://studio.example", raise_server_exceptions=False)


def test_names_that_do_not_mean_this_machine_are_refused(client: TestClient) -> None:
    for host in (
        "evil.example",
        "evil.example:8321",
        "localhost.evil.example",
        "",
        "127.0.0.1.nip.io",
        "[::",
    ):
        assert client.get("/api/health", headers={"Host": host}).status_code == 421, host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8321", "[::1]:8321"):
        assert client.get("/api/health", headers={"Host": host}).status_code == 200, host


def test_pages_of_other_sites_may_change_nothing(client: TestClient) -> None:
    evil = {"Origin": "http://evil.example"}
    assert client.post("/api/jobs", json={"verb": "generate"}, headers=evil).status_code == 403
    assert client.post("/api/uploads", files={"file": b"x"}, headers=evil).status_code == 403
    for origin in ("null", "http://[", "http://localhost.evil.example", "http://evil.example/localhost"):
        assert client.post("/api/jobs", json={}, headers={"Origin": origin}).status_code == 403
    own = {"Origin": "http://localhost"}
    assert client.post("/api/jobs", json={"verb": "generate"}, headers=own).status_code == 202
    assert "access-control-allow-origin" not in client.get("/api/health", headers=evil).headers


def test_without_the_token_nothing_is_told(remote: TestClient) -> None:
    for path in ("/", "/api/health", "/api/sounds", "/openapi.json", "/docs", "/?token=wrong"):
        answer = remote.get(path, follow_redirects=False)
        assert answer.status_code == 401, path
        assert "token" in answer.json()["error"]
    for header in ("Bearer", "Bearer wrong", "Basic " + TOKEN, "Bearer " + TOKEN[:-1], "Bearer t\xf6ken"):
        assert (
            remote.get("/api/health", headers={"Authorization": header.encode("latin-1")}).status_code == 401
        )


def test_the_token_is_shown_in_a_header_or_by_visiting(remote: TestClient) -> None:
    told = remote.get("/api/health", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.json()["local"] is False
    visit = remote.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (visit.status_code, visit.headers["location"]) == (303, "/")
    assert "HttpOnly" in visit.headers["set-cookie"]
    assert "samesite=strict" in visit.headers["set-cookie"].lower()
    assert remote.get("/api/health").status_code == 200  # by its cookie


def test_folders_are_for_this_machine_alone(remote: TestClient, tmp_path: Path) -> None:
    head = {"Authorization": f"Bearer {TOKEN}"}
    for path, body in (
        ("/api/scan", {"folder": str(tmp_path)}),
        ("/api/trainings", {"folder": str(tmp_path), "name": "mine"}),
        ("/api/models/debug/evaluate", {"reference": str(tmp_path)}),
    ):
        answer = remote.post(path, json=body, headers=head)
        assert answer.status_code == 403
        assert "machine" in answer.json()["error"]


def test_what_is_too_large_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/api/jobs", content=b"[" * (2**20 + 1))
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["error"]
    endless = client.post("/api/jobs", content=(b"[" * 65536 for _ in range(1000)))
    assert endless.status_code == 413
    deep = client.post("/api/jobs", content=b"[" * 2**19, headers={"Content-Type": "application/json"})
    assert deep.status_code in (400, 422)
    for length in (b"-1", b"\xb2", b"1" * 5000):
        assert client.post("/api/jobs", content=b"{}", headers={"Content-Length": length}).status_code == 400


@pytest.mark.parametrize("path", ["/api/jobs", "/api/uploads"])
def test_a_sender_who_goes_silent_is_let_go_while_others_are_answered(
    path: str, shared: Studio, wait: Callable[..., Any]
) -> None:
    import threading

    import uvicorn

    server = uvicorn.Server(uvicorn.Config(create_app(shared), port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    for connection in slow:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n--x".encode())
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 200")
    slow[0].settimeout(30)
    assert b" 408 " in slow[0].recv(100)
    for connection in slow:
        connection.close()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def test_uploads_that_are_no_sounds_are_refused(
    client: TestClient, wav: Callable[..., bytes], tone: Any
) -> None:
    whole = wav(tone())
    header_says_more = whole[:40] + b"\xff\xff\xff\x0f" + whole[44:]
    for content in (
        b"",
        b"RIFF",
        b"<html><script>alert(1)</script></html>",
        b"MZ" + bytes(1000),
        whole[:100],
        header_says_more,
        b"ID3" + bytes(5000),
        b"fLaC" + bytes(5000),
        b"OggS" + bytes(5000),
        bytes(range(256)) * 100,
    ):
        answer = client.post("/api/uploads", files={"file": ("kick.wav", content)})
        assert answer.status_code == 400, content[:20]
        assert "/" not in answer.json()["error"], "a path of ours"
    assert client.post("/api/uploads", data={"file": "text"}).status_code == 422
    assert client.post("/api/uploads").status_code == 422


def test_long_silent_and_many_channelled_uploads(
    client: TestClient, shared: Studio, wav: Callable[..., bytes], tone: Any, tmp_path: Path
) -> None:
    import numpy as np

    from wavesmith import Sound

    Sound(np.zeros((1, 700 * 8000)), 8000).write(tmp_path / "long.flac", bits=16)
    bomb = (tmp_path / "long.flac").read_bytes()
    assert len(bomb) < 200_000
    answer = client.post("/api/uploads", files={"file": ("x", bomb)})
    assert answer.status_code == 400
    assert "too long" in answer.json()["error"]
    silent = client.post("/api/uploads", files={"file": ("x", wav(Sound(np.zeros((1, 800)), 8000)))})
    assert "silent" in silent.json()["error"]
    wide = client.post("/api/uploads", files={"file": ("x", wav(Sound(np.ones((8, 800)) / 2, 8000)))})
    assert wide.json()["channels"] == 2
    assert not list((shared.library.folder / "sounds").glob(".*.upload"))


def test_a_hostile_recipe_in_a_file_is_only_text(
    client: TestClient, wav: Callable[..., bytes], tone: Any
) -> None:
    from wavesmith.recipe import Recipe, Source

    evil = Source(path="../../../etc/passwd", sha256="0")
    for settings in (
        {"label": {"kick": "much"}},
        {"label": [1]},
        {"label": "x" * 10_000},
        {"label": {"a": 1e308}},
    ):
        recipe = Recipe(
            verb="rm -rf",
            model="/etc/passwd",
            model_hash="",
            seed=2**80,
            index=10**9,
            settings=settings,
            sources=(evil,),
        )
        answer = client.post("/api/uploads", files={"file": ("x.wav", wav(tone().with_recipe(recipe)))})
        assert answer.status_code == 201, answer.text
        sound = answer.json()["id"]
        assert answer.json()["sources"] == []
        told = client.get(f"/api/sounds/{sound}/recipe")
        assert told.status_code == 200
        assert told.json()["command"].startswith("wavesmith again ")
