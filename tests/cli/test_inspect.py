from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from wavesmith import Sound


def test_a_generated_sound_tells_how_it_was_made(wavesmith):
    wavesmith("generate", "kick", "--seed", 7, "--model", "debug", "--steps", 3)
    result = wavesmith("inspect", "sounds/kick-7-000.wav")
    assert result.code == 0
    words = " ".join(result.out.split())
    for fact in ("8000 Hz", "24 bit", "0.256 s (2048 frames)", "peak -1.0 dBFS", "label kick", "steps 3"):
        assert fact in words, fact
    assert "seed and index 7, 0" in words


def test_json_has_all_measurements_and_the_recipe(wavesmith):
    wave = np.zeros((1, 4000))
    wave[0, 1000:2000] = 0.5
    wave[0, 1500] = 1.0
    Sound(wave, 8000).write("a.wav", bits=16)
    wavesmith("generate", "--seed", 7, "--model", "debug")
    result = wavesmith("inspect", "--json", "a.wav", "sounds/sound-7-000.wav")
    plain, made = json.loads(result.out)
    assert (plain["rate"], plain["channels"], plain["seconds"], plain["clipped"]) == (8000, 1, 0.5, 1)
    assert abs(plain["attack_seconds"] - 0.125) < 1e-9
    assert abs(plain["silence_seconds"] - 0.25) < 1e-9
    assert plain["recipe"] is None
    assert plain["tail_db"] is None
    assert made["recipe"]["seed"] == 7


def test_one_bad_file_does_not_hide_the_others(wavesmith):
    Sound(np.full((1, 800), 0.1), 8000).write("good.wav")
    Path("bad.wav").write_text("no sound")
    result = wavesmith("inspect", "bad.wav", "good.wav")
    assert result.refuses("bad.wav")
    assert "good.wav" in result.out


def test_a_hostile_file_cannot_steer_the_terminal(wavesmith):
    wavesmith("generate", "--seed", 7, "--model", "debug")
    sound = Sound.read("sounds/sound-7-000.wav")
    recipe = sound.recipe.model_copy(update={"model": "\x1b[2J[bold]gone"})
    sound.with_recipe(recipe).write("evil.wav")
    result = wavesmith("inspect", "evil.wav")
    assert result.code == 0
    assert "\x1b" not in result.out
    assert "[bold]gone" in result.out
