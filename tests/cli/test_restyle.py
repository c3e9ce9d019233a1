from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavesmith import Sound, load, restyle

OPTIONS = ("restyle", "long.wav", "--model", "debug", "--seed", 1)


@pytest.fixture
def long(tmp_path: Path) -> None:
    """Twenty windows of the model."""
    wave = 0.3 * np.random.default_rng(0).standard_normal((2, 32000))
    Sound(wave.clip(-1, 1), 8000).write(tmp_path / "long.wav")


def test_the_file_is_what_python_makes(wavesmith, long):
    assert wavesmith(*OPTIONS, "--amount", 0.6, "--envelope", 1, "--bits", "float").code == 0
    (expected,) = restyle(load("debug"), "long.wav", seed=1, amount=0.6, envelope=1.0)
    sound = Sound.read("sounds/long-restyle-1-000.wav")
    assert np.array_equal(sound.samples, expected.samples)
    assert sound.recipe == expected.recipe


def test_ctrl_c_keeps_windows_and_the_same_command_makes_the_very_same_file(
    wavesmith, interrupted, long, tmp_path
):
    assert wavesmith(*OPTIONS, "--out", "whole", "--steps", 15).code == 0
    state = tmp_path / "cut/.long-restyle-1-000.wav.state"
    result = interrupted(state.exists, *OPTIONS, "--out", "cut", "--steps", 15)
    assert result.code == 130
    assert "Kept 0 sounds and the finished windows of the next in cut; the same command" in result.err
    assert state.exists()
    assert not (tmp_path / "cut/long-restyle-1-000.wav").exists()
    assert wavesmith(*OPTIONS, "--out", "cut", "--steps", 15).code == 0
    one, other = (Path(f"{folder}/long-restyle-1-000.wav").read_bytes() for folder in ("whole", "cut"))
    assert one == other
    assert [path.name for path in Path("cut").iterdir()] == ["long-restyle-1-000.wav"]


def test_several_sounds_of_one_file(wavesmith, long):
    assert wavesmith(*OPTIONS, "-n", 2, "--steps", 2).code == 0
    assert "1 sound made, 2 already there" in wavesmith(*OPTIONS, "-n", 3, "--steps", 2).out
    sounds = {Sound.read(path).sha256 for path in Path("sounds").iterdir()}
    assert len(sounds) == 3


@pytest.mark.parametrize(("bits", "clips"), [("24", True), ("float", False)])
def test_clipping_is_told(wavesmith, bits, clips):
    Sound(np.full((2, 800), 1.5), 8000).write("loud.wav", bits="float")
    options = ("restyle", "loud.wav", "--amount", 0, "--bits", bits, "--model", "debug", "--seed", 1)
    assert ("1 sound was clipped" in wavesmith(*options).err) is clips
    assert wavesmith(*options, "--peak-db", -1, "--out", "lower").err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--amount", "-1"], ["amount"]),
        (["--envelope", "3"], ["envelope"]),
        (["--steps", "0"], ["steps"]),
        (["-n", "0"], ["count"]),
        (["--method", "magic"], ["method"]),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(wavesmith, long, arguments, words):
    assert wavesmith(*OPTIONS, *arguments).refuses(*words)
    assert not Path("sounds").exists()
