from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wavesmith as package
from wavesmith.cli import main
from wavesmith.sound import Levels


def test_help_names_every_command(wavesmith):
    for arguments in ([], ["--help"]):
        result = wavesmith(*arguments)
        assert result.code == 0
        for command in ("generate", "again", "inspect", "scan", "train", "models"):
            assert command in result.out


def test_version(wavesmith):
    result = wavesmith("--version")
    assert (result.code, result.out) == (0, f"wavesmith {package.__version__}\n")


def test_a_mistyped_command_suggests_the_nearest(wavesmith):
    assert wavesmith("generat").refuses("'generat'", "'generate'", "wavesmith --help")
    assert wavesmith("models", "lsit").refuses("'lsit'", "'list'")


def test_mistyped_options_are_one_sentence(wavesmith):
    assert wavesmith("generate", "--smapler", "euler").refuses("--smapler", "--sampler")
    assert wavesmith("generate", "-n", "many").refuses("--count", "wavesmith generate --help")
    assert wavesmith("generate", "--bits", "12").refuses("--bits", "12", "24")
    assert wavesmith("train", "--threads", "0").refuses()


@pytest.fixture
def broken(monkeypatch):
    def scan(folder, **options):
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("wavesmith.data.scan", scan)


def test_an_unexpected_error_is_called_a_bug(wavesmith, broken):
    result = wavesmith("scan", ".")
    assert result.code == 1
    assert "bug" in result.err
    assert "ZeroDivisionError: by chance" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", [("--debug", "scan", "."), ("scan", ".", "--debug")])
def test_debug_shows_where_an_error_came_from(wavesmith, broken, arguments):
    result = wavesmith(*arguments)
    assert result.code == 1
    assert "Traceback" in result.err


def test_an_error_of_the_disk_names_the_file(wavesmith, monkeypatch):
    def scan(folder, **options):
        raise PermissionError(13, "Permission denied", "secret.wav")

    monkeypatch.setattr("wavesmith.data.scan", scan)
    assert wavesmith("scan", ".").refuses("secret.wav", "Permission denied; choose another place")


def test_values_that_do_not_fit_are_one_sentence(wavesmith, monkeypatch):
    def scan(folder, **options):
        Levels.model_validate({"peak_db": "loud"})

    monkeypatch.setattr("wavesmith.data.scan", scan)
    assert wavesmith("scan", ".").refuses("peak_db: input should be a valid number", "choose another value.")


def test_main_exits_with_the_code_of_the_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["wavesmith", "scan", "/nowhere"])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """Names of all modules after a command line, which must succeed."""
    code = (
        "import sys; from wavesmith.cli.main import run; code = run(sys.argv[1:]); "
        "print(' '.join(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_commands_import_no_more_than_they_need(drums):
    for arguments in (["--help"], ["inspect", "drums/kick/a.wav"], ["scan", "drums"]):
        assert not {"torch", "lightning_fabric", "matplotlib"} & imported_by(drums.parent, *arguments), (
            arguments
        )
    for arguments in (["generate", "--model", "debug"], ["models"]):
        modules = imported_by(drums.parent, *arguments)
        assert "torch" in modules
        assert not {"lightning_fabric", "matplotlib", "pandas", "scipy"} & modules, arguments
