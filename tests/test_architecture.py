"""The floors of the house: whoever imports upwards, or in a circle, fails here."""

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import wavesmith

ROOT = Path(wavesmith.__file__).parent
FLOORS = [
    {"errors", "files", "recipe", "progress", "lazy", "parallel", "registry"},
    {"sound", "audio_file", "streaming", "tags", "picture", "playback", "data", "noise", "stored_module"},
    {"diffusion", "networks", "transforms", "descriptors"},
    {"families", "fitting"},
    {"models", "classifiers", "embeddings"},
    {"verbs", "evaluation", "export", "attribution"},
    {"training"},  # above verbs: its demos are made by the same `generate` that users call
    {"__init__"},  # the package itself, which passes names on
    {"serve", "studio"},
    {"cli", "__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules():
    return sorted(ROOT.rglob("*.py"))


def room_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def rooms_imported(path):
    """Rooms that a file imports anywhere, also inside functions."""
    return set(_imports(path, ast.walk(_parsed(path)))) - {room_of(path)}


def rooms_imported_at_once(path):
    """Rooms that a file imports while it is itself imported."""
    return set(_imports(path, _parsed(path).body)) - {room_of(path)}


def _parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path, nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from ([*name, "__init__"][1] for name in names if name[0] == "wavesmith")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "wavesmith":
                yield from (alias.name if _is_room(alias.name) else "__init__" for alias in node.names)
            elif (node.module or "").startswith("wavesmith."):
                yield node.module.split(".")[1]


def _is_room(name):
    return (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()


def test_every_room_is_on_a_floor():
    rooms = {room_of(path) for path in modules()}
    assert rooms <= FLOOR.keys()
    assert {"sound", "diffusion", "training", "verbs"} <= rooms


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_imports_a_higher_floor(path):
    for room in rooms_imported(path):
        assert FLOOR[room] <= FLOOR[room_of(path)], f"imports {room}, which is upstairs"


def test_rooms_do_not_import_each_other_in_a_circle():
    """A sound imports what plays and draws it, but inside of functions."""
    graph = defaultdict(set)
    for path in modules():
        graph[room_of(path)] |= rooms_imported_at_once(path)
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("errors") < order.index("sound") < order.index("training")


def test_the_maths_knows_nothing_of_audio_files_or_training():
    """Floor 2 has torch and nothing that reads, writes or trains."""
    for path in modules():
        if FLOOR[room_of(path)] == 2:
            names = {
                name.split(".")[0]
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
            }
            assert not names & {
                "soundfile",
                "soxr",
                "lightning_fabric",
                "safetensors",
                "huggingface_hub",
                "matplotlib",
            }


def test_only_tensors_are_read_from_files():
    """No module unpickles: weights come from safetensors, checkpoints with `weights_only`."""
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert "pickle.load" not in text
        assert "weights_only=False" not in text
        if "torch.load(" in text:
            loads = re.findall(r"(?:torch\.load|\.fit)\((?:[^()]|\([^()]*\))*\)", text)
            assert all("weights_only=True" in load for load in loads)
