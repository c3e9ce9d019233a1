"""All verbs on models of other tools, at lengths that their networks cannot take as they are."""

from __future__ import annotations

import numpy as np
import pytest

from wavesmith import Sound
from wavesmith.networks import AttentionUNetConfig, CrashUNetConfig, DanceDiffusionConfig

from .conftest import checkpoint, tone

NETWORKS = {
    "Dance Diffusion": DanceDiffusionConfig(channels=(32, 32, 32), attentions=1),
    "Tiny Audio Diffusion": AttentionUNetConfig(
        channels=(8, 8), factors=(1, 4), items=(1, 1), attentions=(0, 1), heads=1, modulation_features=16
    ),
    "CRASH": CrashUNetConfig(inlet=2, widths=(2, 2, 2, 2, 2)),
}
SECONDS = 0.0413  # 661 samples at 16000: a prime number, and more than two of the models' own lengths

VERBS = {
    "generate": ("generate", "--seconds", SECONDS),
    "vary": ("vary", "a.wav", "--amount", 0.4),
    "restyle": ("restyle", "a.wav", "--amount", 0.4),
    "morph": ("morph", "a.wav", "b.wav"),
    "inpaint": ("inpaint", "a.wav", "--region", "0.01-0.02"),
    "extend": ("extend", "a.wav", "--after", 0.0107),
    "loop": ("loop", "a.wav", "--joint", 0.01),
    "upscale": ("upscale", "a.wav", "--cutoff", 2000),
    "clean": ("clean", "a.wav"),
}


@pytest.fixture
def desk(tmp_path):
    for name, hertz in (("a", 300.0), ("b", 500.0)):
        tone(hertz, SECONDS, rate=16000).write(tmp_path / f"{name}.wav")


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("tool", NETWORKS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_makes_sounds_of_any_length_with_it(wavesmith, tmp_path, tool, verb):
    channels = 1 if tool == "CRASH" else 2
    model = checkpoint(NETWORKS[tool], tmp_path / "theirs.ckpt", channels)
    asked = [] if tool == "Dance Diffusion" else ["--rate", 16000, "--length", 256]
    seed = ("--seed", 1, "--out", "made", "--bits", "float")
    result = wavesmith(*VERBS[verb], "--steps", 2, "--model", model, *asked, *seed)
    assert result.code == 0, result.err
    made = [Sound.read(path) for path in sorted((tmp_path / "made").glob("*.wav"))]
    assert made
    for sound in made:
        assert (sound.rate, sound.channels) == (16000, channels if verb == "generate" else 2)
        assert np.isfinite(sound.samples).all()
        assert sound.samples.any()
        if verb != "loop":
            assert sound.frames == (832 if verb == "extend" else 661)


def test_a_kit_is_made_of_sounds_without_labels(wavesmith, dance_checkpoint):
    result = wavesmith("kit", "--model", dance_checkpoint, "--layers", 1, "--turns", 1, "--steps", 1)
    assert result.code == 0, result.err
    assert result.out.startswith("8 pieces, 8 sounds, in kit")
    assert f"{dance_checkpoint} knows no labels: all pieces are called 'sound'." in result.out


@pytest.mark.usefixtures("desk")
def test_a_sound_of_a_converted_model_can_be_made_again(wavesmith, silent_checkpoint):
    asked = ("--rate", 16000, "--length", 256)
    wavesmith("generate", "--model", silent_checkpoint, *asked, "--steps", 2, "--seed", 3, "--out", "made")
    wavesmith("models", "convert", silent_checkpoint, "mine", *asked)
    again = wavesmith("again", "made/sound-3-000.wav", "--model", "mine")
    assert again.code == 0, again.err
    assert "identical" in again.out


def test_the_old_names_of_samplers_and_schedules_are_understood(wavesmith, dance_checkpoint, tmp_path):
    old = ("--sampler", "v-iplms", "--schedule", "V_CRASH")
    new = ("--sampler", "iplms", "--schedule", "crash")
    for folder, names in (("old", old), ("new", new)):
        made = ("--steps", 3, "--seed", 1, "--out", folder)
        assert wavesmith("generate", "--model", dance_checkpoint, *names, *made).code == 0
    before, after = (Sound.read(tmp_path / folder / "sound-1-000.wav") for folder in ("old", "new"))
    assert np.array_equal(before.samples, after.samples)
    misspelt = wavesmith("generate", "--model", dance_checkpoint, "--sampler", "v-iplm")
    assert misspelt.refuses("did you mean 'iplms'")
