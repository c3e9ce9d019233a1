"""The architecture: floors, who may know what, and what the documentation says of them."""

import re
from pathlib import Path

import tomllib
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import wavesmith
from wavesmith.verbs import VERBS

ROOT = Path(wavesmith.__file__).parent
PROJECT = Path(__file__).parents[1]
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")


def modules():
    return sorted(ROOT.rglob("*.py"))


def listed(mark):
    """Lines of the text block below a mark in docs/architecture.md."""
    return re.search(rf"<!-- {mark} -->\n```text\n(.*?)```", ARCHITECTURE, re.S)[1].splitlines()


def test_no_floor_imports_a_higher_one_and_no_verb_imports_diffusion(monkeypatch):
    monkeypatch.chdir(PROJECT)
    assert lint_imports(cache_dir=None) == EXIT_STATUS_SUCCESS


def test_the_documented_floors_are_those_of_the_contract_and_hold_every_room():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    floors = project["tool"]["importlinter"]["contracts"][0]["layers"]
    assert listed("floors") == floors
    rooms = {path.relative_to(ROOT).with_suffix("").parts[0] for path in modules()} - {"__init__"}
    assert rooms == {room for floor in floors for room in floor.split(" : ")}


def test_only_families_and_importers_name_the_diffusion_model():
    allowed = (ROOT / "families", ROOT / "models" / "importers")
    for path in modules():
        if not any(path.is_relative_to(folder) for folder in allowed):
            assert not re.search(r"\bDiffusion(Model|Config)\b", path.read_text(encoding="utf-8")), path


def test_no_verb_names_a_sigma_a_denoiser_or_a_sampler():
    for path in (ROOT / "verbs").glob("*.py"):
        if path.name not in ("old_recipes.py", "choices.py"):  # names of settings, old and generated
            words = re.findall(r"\b(sigmas?|denoiser|SAMPLERS)\b", path.read_text(encoding="utf-8"))
            assert not words, path


def test_the_documented_files_of_a_verb_are_those_that_name_it():
    for name in ("restyle", "loop", "upscale", "clean"):  # verbs that nothing else is built on
        files = {
            path.relative_to(PROJECT).as_posix()
            for path in ROOT.rglob("*.py")
            if re.search(rf'"{name}"|import .*\b{name}\b|verbs\.{name}\b', path.read_text(encoding="utf-8"))
        }
        home = VERBS[name].make.__module__.rpartition(".")[2]
        documented = {line.replace("NAME", home) for line in listed("files of a verb")}
        assert files <= documented, name


def test_only_tensors_are_read_from_files():
    """No module unpickles: weights come from safetensors, checkpoints with `weights_only`."""
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert "pickle.load" not in text
        assert "weights_only=False" not in text
        if "torch.load(" in text:
            loads = re.findall(r"(?:torch\.load|\.fit)\((?:[^()]|\([^()]*\))*\)", text)
            assert all("weights_only=True" in load for load in loads)
