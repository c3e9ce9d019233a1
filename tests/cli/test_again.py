from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavesmith import Sound, load
from wavesmith.models import save_folder


@pytest.fixture
def made(wavesmith) -> Path:
    wavesmith("generate", "kick", "--seed", 7, "--model", "debug", "--first", 2)
    return Path("sounds/kick-7-002.wav")


@pytest.mark.parametrize("bits", ["16", "24", "float"])
def test_the_same_sound_comes_again(wavesmith, bits):
    wavesmith("generate", "kick", "--seed", 7, "--model", "debug", "--bits", bits)
    result = wavesmith("again", "sounds/kick-7-000.wav")
    assert result.code == 0
    assert "kick-7-000-again.wav is identical to" in result.out
    before, after = (Path(f"sounds/kick-7-000{end}.wav").read_bytes() for end in ("", "-again"))
    assert before == after


def test_a_changed_sound_is_told_from_its_recipe(wavesmith, made):
    Sound.read(made).gain(-6).write("soft.wav")
    Sound.read(made).crop(100).write("short.wav")
    soft, short = wavesmith("again", "soft.wav"), wavesmith("again", "short.wav")
    assert (soft.code, short.code) == (1, 1)
    assert "different in" in soft.out
    assert "another length" in short.out
    assert np.array_equal(Sound.read("soft-again.wav").samples, Sound.read(made).samples)


def test_format_follows_the_new_name(wavesmith, made):
    assert wavesmith("again", made, "--out", "new/kick.flac").code == 0
    assert soundfile.info("new/kick.flac").subtype == "PCM_24"


def test_nothing_is_overwritten_unasked(wavesmith, made):
    before = made.read_bytes()
    assert wavesmith("again", made, "--out", made, "--overwrite").refuses("already there")
    Path("mine.wav").write_text("mine")
    assert wavesmith("again", made, "--out", "mine.wav").refuses("mine.wav", "--overwrite")
    assert (made.read_bytes(), Path("mine.wav").read_text()) == (before, "mine")
    assert wavesmith("again", made, "--out", "mine.wav", "--overwrite").code == 0
    assert wavesmith("again", made, "--out", "mine.wav").code == 0  # the same sound may be written again


def test_a_model_that_has_moved_can_be_given(wavesmith):
    save_folder("here", load("debug").family, "")
    wavesmith("generate", "kick", "--seed", 7, "--model", "here")
    Path("here").rename("there")
    file = "sounds/kick-7-000.wav"
    assert wavesmith("again", file).refuses("made by model here", "--model")
    assert wavesmith("again", file, "--model", "drums").refuses("made by model here", "--model")
    assert wavesmith("again", file, "--model", "there").code == 0


def test_sounds_without_a_recipe_are_refused(wavesmith):
    Sound(np.full((1, 800), 0.1), 8000).write("plain.wav")
    assert wavesmith("again", "plain.wav").refuses("plain.wav", "no recipe")
    assert wavesmith("again", "nowhere.wav").refuses("nowhere.wav")
    assert not Path("plain-again.wav").exists()
