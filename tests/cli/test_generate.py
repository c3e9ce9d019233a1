from __future__ import annotations

import errno
import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavesmith import Sound, generate, load
from wavesmith.cli.options import ModelOptions
from wavesmith.models import DEFAULT_MODEL


def contents(folder: str | Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def names(label: str, seed: int, indices: range) -> list[str]:
    return [f"{label}-{seed}-{k:03d}.wav" for k in indices]


def test_files_are_what_the_python_api_makes(wavesmith):
    result = wavesmith("generate", "kick", "-n", 3, "--seed", 7, "--out", "kicks/", "--model", "debug")
    assert result.code == 0
    assert re.fullmatch(r"3 sounds made, in kicks \(seed 7, [\d.]+ s\)\.\n", result.out)
    assert list(contents("kicks")) == names("kick", 7, range(3))
    for k, expected in enumerate(generate(load("debug"), 3, label="kick", seed=7)):
        sound = Sound.read(f"kicks/kick-7-{k:03d}.wav")
        assert sound.recipe == expected.recipe
        assert np.abs(sound.samples - expected.samples).max() < 2**-23


def test_the_default_model_is_that_of_the_api():
    assert ModelOptions().model == DEFAULT_MODEL


def test_same_seed_same_files(wavesmith):
    for folder in ("a", "b"):
        assert wavesmith("generate", "-n", 2, "--seed", 1, "--out", folder, "--model", "debug").code == 0
    assert contents("a") == contents("b")
    assert list(contents("a")) == names("sound", 1, range(2))


def test_more_of_a_seed_keeps_what_is_there(wavesmith):
    options = ("--seed", 7, "--out", "kicks", "--model", "debug", "--label", "kick")
    wavesmith("generate", "-n", 3, *options)
    before = {path: path.stat().st_mtime_ns for path in Path("kicks").iterdir()}
    result = wavesmith("generate", "-n", 5, *options)
    assert result.code == 0
    assert "2 sounds made, 3 already there" in result.out
    assert list(contents("kicks")) == names("kick", 7, range(5))
    assert before == {path: path.stat().st_mtime_ns for path in before}
    wavesmith("generate", "-n", 5, "--seed", 7, "--out", "at_once", "--model", "debug", "--label", "kick")
    assert contents("at_once") == contents("kicks")


def test_a_gap_is_filled(wavesmith):
    options = ("-n", 3, "--seed", 7, "--model", "debug")
    wavesmith("generate", *options)
    whole = contents("sounds")
    Path("sounds/sound-7-001.wav").unlink()
    assert "1 sound made, 2 already there" in wavesmith("generate", *options).out
    assert contents("sounds") == whole


@pytest.mark.parametrize("change", [("--steps", 3), ("--bits", 16)])
def test_other_sounds_are_not_overwritten_unless_asked(wavesmith, change):
    options = ("generate", "-n", 2, "--seed", 7, "--model", "debug")
    wavesmith(*options)
    before = contents("sounds")
    assert wavesmith(*options, *change).refuses("sound-7-000.wav", "already there", "--overwrite")
    assert contents("sounds") == before
    assert wavesmith(*options, *change, "--overwrite").code == 0
    after = contents("sounds")
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in after)


def test_a_stranger_in_the_way_is_left_alone(wavesmith):
    Path("sounds").mkdir()
    Path("sounds/sound-7-001.wav").write_text("my notes")
    assert wavesmith("generate", "-n", 2, "--seed", 7, "--model", "debug").refuses("sound-7-001.wav")
    assert contents("sounds") == {"sound-7-001.wav": b"my notes"}


def test_a_drawn_seed_is_told(wavesmith):
    result = wavesmith("generate", "--model", "debug")
    (path,) = Path("sounds").iterdir()
    recipe = Sound.read(path).recipe
    assert f"seed {recipe.seed}," in result.out
    assert path.name == f"sound-{recipe.seed}-000.wav"


def test_options_reach_recipe_and_file(wavesmith):
    options = (
        "--seconds",
        0.1,
        "--steps",
        3,
        "--sampler",
        "ddim",
        "--schedule",
        "linear",
        "--guidance",
        1.5,
    )
    walk = ("--sigma-min", 0.1, "--sigma-max", 5, "--guidance-interval", 0.5, 2, "--eta", 0.25)
    files = ("--peak-db", "-6", "--bits", "16", "--format", "flac", "--first", 4)
    assert wavesmith("generate", "snare", "--model", "debug", "--seed", 2, *options, *walk, *files).code == 0
    sound = Sound.read("sounds/snare-2-004.flac")
    assert soundfile.info("sounds/snare-2-004.flac").subtype == "PCM_16"
    assert sound.seconds == 0.1
    assert abs(sound.levels().peak_db + 6) < 0.01
    wanted = {"label": "snare", "steps": 3, "sampler": "ddim", "schedule": "linear", "guidance": 1.5}
    wanted |= {"sigma_min": 0.1, "sigma_max": 5.0, "guidance_interval": [0.5, 2.0], "eta": 0.25}
    assert wanted.items() <= sound.recipe.settings.items()


def test_peak_none_leaves_the_level(wavesmith):
    wavesmith("generate", "--model", "debug", "--seed", 2, "--peak-db", "none", "--bits", "float")
    (expected,) = generate(load("debug"), 1, seed=2, peak_db=None)
    assert np.array_equal(Sound.read("sounds/sound-2-000.wav").samples, expected.samples)


@pytest.fixture
def loud(monkeypatch):
    """The debug model, whose second and third sounds are beyond full scale."""
    verb = importlib.import_module("wavesmith.verbs.generate")
    finish = verb.finish
    gains = iter([0.1, 30.0, 30.0])
    monkeypatch.setattr(verb, "finish", lambda *given: finish(*given[:2], -1.0) * next(gains))


def test_clipping_is_told(wavesmith, loud):
    options = ("generate", "-n", 3, "--model", "debug", "--seed", 2, "--peak-db", "none")
    result = wavesmith(*options)
    assert result.code == 0
    assert result.err == "2 sounds were clipped; use --bits float or --peak-db.\n"
    assert Sound.read("sounds/sound-2-001.wav").levels().clipped > 0


def test_float_files_are_not_clipped(wavesmith, loud):
    result = wavesmith(
        "generate", "-n", 3, "--model", "debug", "--seed", 2, "--peak-db", "none", "--bits", "float"
    )
    assert (result.code, result.err) == (0, "")
    assert Sound.read("sounds/sound-2-001.wav").levels().peak_db > 20


def test_picture_shows_all_sounds(wavesmith):
    wavesmith("generate", "-n", 1, "--seed", 2, "--model", "debug")
    assert wavesmith("generate", "-n", 2, "--seed", 2, "--model", "debug", "--picture").code == 0
    assert contents("sounds")["sound-2.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-n", "0"), ["count"]),
        (("-n", "-3"), ["-3"]),
        (("--seed", "-1"), ["-1"]),
        (("--first", "-1"), ["first"]),
        (("kikc",), ["'kikc'", "'kick'"]),
        (("kick", "--label", "snare"), ["kick", "snare"]),
        (("--model", "debgu"), ["'debgu'", "'debug'"]),
        (("--sampler", "eulr"), ["'eulr'", "'euler'"]),
        (("--schedule", "karas"), ["'karas'", "'karras'"]),
        (("--steps", "0"), ["steps", "1 to 10000"]),
        (("--eta", "0.5"), ["'dpmpp_2m'", "eta"]),
        (("--eta", "2", "--sampler", "ddim"), ["eta"]),
        (("--guidance-interval", "3", "1"), ["3", "1"]),
        (("--sigma-max", "0"), ["sigma_max"]),
        (("--seconds", "nan"), ["seconds"]),
        (("--peak-db", "loud"), ["--peak-db", "'loud'"]),
        (("--peak-db", "3"), ["peak_db", "-60 to 0"]),
        (("--format", "flac", "--bits", "float"), ["float", "16, 24"]),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(wavesmith, options, words):
    assert wavesmith("generate", "--model", "debug", *options).refuses(*words)
    assert not Path("sounds").exists() or not any(Path("sounds").iterdir())


def test_a_file_in_the_place_of_the_folder(wavesmith):
    Path("sounds").write_text("mine")
    assert wavesmith("generate", "--model", "debug").refuses("Cannot write sounds")
    assert Path("sounds").read_text() == "mine"


def test_a_full_disk_keeps_what_was_made(wavesmith, monkeypatch):
    write = Path.write_bytes

    def fill(path: Path, data: bytes) -> int:
        if "-002" in path.name:
            write(path, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    result = wavesmith("generate", "-n", 5, "--seed", 7, "--model", "debug")
    assert result.code == 2
    kept, error = result.err.splitlines()
    assert "Kept 2 sounds" in kept
    assert "--seed 7" in kept
    assert error.startswith("error: Cannot write sounds/sound-7-002.wav (No space left on device)")
    assert list(contents("sounds")) == names("sound", 7, range(2))
    assert all(Sound.read(path).recipe for path in Path("sounds").iterdir())


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory) -> Path:
    from wavesmith.models import save_folder

    folder = tmp_path_factory.mktemp("models") / "mine"
    save_folder(folder, load("debug").family, "A card.")
    return folder


def test_a_model_folder_works(wavesmith, model_folder):
    assert wavesmith("generate", "kick", "--model", model_folder, "--seed", 1).code == 0
    assert Sound.read("sounds/kick-1-000.wav").recipe.model_hash == load("debug").hash


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("damage", ["cut short", "gone", "rubbish"])
def test_a_damaged_model_is_one_sentence(wavesmith, model_folder, tmp_path, name, damage):
    shutil.copytree(model_folder, tmp_path / "mine")
    file = tmp_path / "mine" / name
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:200] if damage == "cut short" else b"\x80\x04cos\nsystem\n")
    assert wavesmith("generate", "--model", "mine").refuses(name)


def test_a_hostile_label_stays_in_the_folder(wavesmith, model_folder, tmp_path):
    shutil.copytree(model_folder, tmp_path / "evil")
    config = tmp_path / "evil/config.json"
    config.write_text(config.read_text().replace('"kick"', '"../../kick"'))
    assert wavesmith("generate", "../../kick", "--model", "evil", "--seed", 1, "--out", "a/b/c").code == 0
    assert [path.parent.name for path in tmp_path.rglob("*-1-000.wav")] == ["c"]


def test_ctrl_c_keeps_what_was_made(interrupted, wavesmith, tmp_path):
    kicks = tmp_path / "kicks"
    options = ("generate", "kick", "--seed", 7, "--out", "kicks", "--model", "debug")
    result = interrupted(lambda: (kicks / "kick-7-001.wav").exists(), *options, "-n", 3000)
    assert result.code == 130
    count = int(re.search(r"Kept (\d+) sounds in kicks; .*--seed 7", result.err)[1])
    assert list(contents(kicks)) == names("kick", 7, range(count))
    assert 2 <= count < 3000
    assert "Traceback" not in result.err
    assert f"1 sound made, {count} already there" in wavesmith(*options, "-n", count + 1).out
