from __future__ import annotations

import socket
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'studio' is not installed")

from wavesmith.serve.database import Database


def test_what_it_cannot_do_is_said_in_a_sentence(wavesmith, tmp_path: Path) -> None:
    library = ["--library", tmp_path / "library", "--no-open"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert wavesmith("studio", *library, "--port", port).refuses("Cannot listen", str(port))
    assert wavesmith("studio", *library, "--token", "short").refuses("token")
    assert wavesmith("studio", *library, "--port", 0, "--model", "nonsense").refuses("no model")
    (tmp_path / "file").write_text("")
    assert wavesmith("studio", "--library", tmp_path / "file", "--port", 0).refuses("file")


def test_a_library_that_another_has_open_is_refused(wavesmith, tmp_path: Path) -> None:
    database = Database(tmp_path)
    refused = wavesmith("studio", "--no-open", "--library", tmp_path, "--port", 0, "--model", "debug")
    assert refused.refuses("in use by another wavesmith", "--library")
    database.close()


def test_without_its_packages_it_says_how_to_get_them(wavesmith, tmp_path: Path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    refused = wavesmith("studio", "--no-open", "--library", tmp_path, "--port", 0)
    assert refused.refuses("uvicorn", "pip install 'wavesmith[studio]'")
