"""What is particular to single commands that make sounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wavesmith import Sound, generate, generate_like, load, morph, vary
from wavesmith.tags import InstrumentTags


@pytest.fixture
def texture(tmp_path: Path) -> None:
    """A second that goes on at its end."""
    wave = 0.2 * np.random.default_rng(0).standard_normal((1, 8000))
    Sound(wave.clip(-1, 1), 8000).write(tmp_path / "texture.wav")


def sound(path: str) -> Sound:
    return Sound.read(f"sounds/{path}")


def close(one: Sound, other: Sound) -> bool:
    """The same but for what 24 bits round away."""
    return one.samples.shape == other.samples.shape and bool(
        np.abs(one.samples - other.samples).max() < 2**-23
    )


def test_variations_are_what_python_makes(wavesmith, texture):
    arguments = ("--amount", 0.3, "--method", "inversion", "--label", "kick", "--avoid", "snare")
    assert wavesmith("vary", "texture.wav", *arguments, "--seed", 1, "--model", "debug").code == 0
    (expected,) = vary(
        load("debug"), "texture.wav", amount=0.3, method="inversion", label="kick", avoid="snare", seed=1
    )
    assert close(sound("texture-vary-1-000.wav"), expected)


def test_a_morph_is_what_python_makes(wavesmith):
    for name, seed in (("hit", 1), ("other", 2)):
        generate(load("debug"), seed=seed)[0].write(f"{name}.wav")
    assert wavesmith("morph", "hit.wav", "other.wav", "-n", 3, "--model", "debug").code == 0
    for k, expected in enumerate(morph(load("debug"), "hit.wav", "other.wav", count=3)):
        assert close(sound(f"hit-other-morph-0-{k:03d}.wav"), expected)


def test_mixes_and_labels_to_avoid(wavesmith):
    options = ("--model", "debug", "--seed", 1)
    assert wavesmith("generate", "kick=0.7,snare=0.3", *options).code == 0
    assert wavesmith("generate", "kick", "--avoid", "hihat", *options).code == 0
    mix = generate(load("debug"), label={"kick": 0.7, "snare": 0.3}, seed=1)[0]
    assert close(sound("kick0.7+snare0.3-1-000.wav"), mix)
    assert close(sound("kick-1-000.wav"), generate(load("debug"), label="kick", avoid="hihat", seed=1)[0])


def test_the_nearest_of_many_are_kept_and_are_there_the_next_time(wavesmith):
    generate(load("debug"), seed=5)[0].write("wanted.wav")
    arguments = ("generate", "-n", 2, "--like", "wanted.wav", "--of", 5, "--model", "debug", "--seed", 1)
    assert wavesmith(*arguments).out.startswith("2 sounds made, in sounds")
    kept = generate_like(load("debug"), "wanted.wav", 2, of=5, seed=1)
    names = sorted(path.name for path in Path("sounds").iterdir())
    assert names == sorted(f"sound-1-{one.recipe.index:03d}.wav" for one in kept)
    assert "0 sounds made, 2 already there" in wavesmith(*arguments).out
    assert wavesmith("generate", "--of", 5, "--model", "debug").refuses("--like")
    assert wavesmith("generate", "--like", "nowhere.wav", "--model", "debug").refuses("nowhere.wav")


def test_loops_tell_samplers_and_inspect_shows_it_and_the_source(wavesmith, texture):
    arguments = ("loop", "texture.wav", "--bars", 1, "--bpm", 480, "--seed", 1, "--model", "debug")
    assert wavesmith(*arguments).code == 0
    path = "sounds/texture-loop-1-000.wav"
    assert Sound.read_instrument(path) == InstrumentTags(loop=(0, 4000), cues=(0, 1000, 2000, 3000))
    words = " ".join(wavesmith("inspect", path).out.split())
    for fact in ("loop frames 0 to 3999", "markers at frames 0, 1000, 2000, 3000", "made from texture.wav"):
        assert fact in words
    (report,) = json.loads(wavesmith("inspect", "--json", path).out)
    assert report["sampler"]["loop"] == [0, 4000]
    assert report["recipe"]["sources"][0]["path"] == "texture.wav"
    assert wavesmith(*arguments, "--format", "flac").code == 0  # which has no place for loops


def test_a_source_that_was_made_shows_what_it_was_made_by(wavesmith):
    wavesmith("generate", "kick", "--seed", 7, "--model", "debug")
    wavesmith("vary", "sounds/kick-7-000.wav", "--seed", 1, "--model", "debug")
    words = " ".join(wavesmith("inspect", "sounds/kick-7-000-vary-1-000.wav").out.split())
    assert "made from sounds/kick-7-000.wav (made by generate with debug, seed 7, 0)" in words


@pytest.mark.parametrize("verb", ["vary", "restyle"])
def test_dropped_channels_are_reported(wavesmith, verb):
    for channels in (2, 3):
        Sound(np.full((channels, 800), 0.1), 8000).write(f"{channels}.wav")
    options = ("--amount", 0, "--model", "debug", "--seed", 1)
    assert wavesmith(verb, "2.wav", *options).err == ""
    assert "3.wav has 3 channels" in wavesmith(verb, "3.wav", *options).err
    assert sound(f"3-{verb}-1-000.wav").channels == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inpaint", "texture.wav", "--region", "0.1"], ["'0.1'", "0.2-0.5"]),
        (["inpaint", "texture.wav", "--region", "a-b"], ["'a-b'"]),
        (["inpaint", "texture.wav"], ["regions"]),
        (["inpaint", "texture.wav", "--region", "0.5-1.5"], ["0.5 to 1.5"]),
        (["inpaint", "texture.wav", "--region", "0.5-0.2"], ["0.5 to 0.2"]),
        (["inpaint", "texture.wav", "--region", "-0.1-0.2"], ["-0.1 to 0.2"]),
        (["inpaint", "texture.wav", "--region", "0.1-0.5", "--region", "0.4-0.6"], ["0.4"]),
        (["extend", "texture.wav"], ["before", "after"]),
        (["extend", "texture.wav", "--after", "-1"], ["after", "-1"]),
        (["loop", "texture.wav", "--bars", "2"], ["bars", "bpm"]),
        (["loop", "texture.wav", "--bars", "2", "--bpm", "0"], ["bpm"]),
        (["upscale", "texture.wav", "--cutoff", "9000"], ["9000"]),
        (["clean", "texture.wav", "--strength", "-1"], ["strength"]),
        (["morph", "texture.wav"], ["morph", "2 or 4"]),
        (["morph"], ["FILE"]),
        (["morph-labels", "kick"], ["label", "to"]),
        (["morph", "texture.wav", "texture.wav", "-n", "0"], ["count", "2"]),
        (["vary", "texture.wav", "--amount", "nan"], ["amount"]),
        (["generate", "kick=x"], ["kick=x"]),
        (["generate", "kick=0,snare=0"], ["weight 0"]),
        (["generate", "kick=-1"], ["weight -1"]),
        (["generate", "kick", "--avoid", "choir"], ["'choir'"]),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(wavesmith, texture, arguments, words):
    assert wavesmith(*arguments, "--model", "debug").refuses(*words)
    assert not Path("sounds").exists() or not any(Path("sounds").iterdir())


@pytest.mark.parametrize(
    ("arguments", "option", "name"),
    [
        (["generate", "kick", "--not", "snare"], "--not", "--avoid"),
        (["vary", "texture.wav", "--peak", "-1"], "--peak", "--peak-db"),
        (["morph", "texture.wav", "texture.wav", "--walk-steps", "2"], "--walk-steps", "--steps"),
        (["morph", "texture.wav", "--to", "snare"], "morph", "morph-labels"),
    ],
)
def test_options_of_version_0_1_name_their_successors(wavesmith, texture, arguments, option, name):
    assert wavesmith(*arguments, "--model", "debug").refuses(option, name)


def test_options_that_would_change_nothing_are_refused(wavesmith, texture):
    arguments = ("vary", "texture.wav", "--method", "inversion", "--sampler", "euler")
    assert wavesmith(*arguments, "--model", "debug").refuses("'sampler'")
