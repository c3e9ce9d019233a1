"""Every verb makes its sounds again, bit for bit: from memory, from files, and from sources that moved."""

import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import VERBS, again, generate, vary

REQUESTS = {
    "generate": {"label": {"kick": 0.7, "snare": 0.3}, "avoid": "hihat", "seconds": 0.2},
    "vary": {"amount": 0.3, "label": "kick"},
    "restyle": {"amount": 0.6, "envelope": 0.5},
    "morph": {"count": 3},
    "morph_labels": {"label": "kick", "to": {"snare": 0.5, "hihat": 0.5}, "count": 3},
    "inpaint": {"regions": ((0.02, 0.05), (0.1, 0.15)), "label": "snare"},
    "extend": {"before": 0.05, "after": 0.1},
    "loop": {"bars": 0.5, "bpm": 240},
    "upscale": {"cutoff": 1500.0},
    "clean": {"strength": 1.5},
}


@pytest.fixture
def sources(texture):
    return [texture(2500, seed, rate=8000) for seed in range(4)]


def made(debug, verb, sources):
    """Sound 1 of a request."""
    given = sources[: VERBS[verb].sources[0]]
    request = {"count": 2, "first": 1, "seed": 4, "steps": 3} | REQUESTS[verb]
    return next(iter(VERBS[verb].stream(debug, *given, **request)))


def test_every_verb_is_tried():
    assert REQUESTS.keys() == VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_sound_comes_again_from_files_and_is_known_by_its_recipe(debug, sources, verb, tmp_path):
    files = []
    for k, source in enumerate(sources):
        source.write(tmp_path / f"source-{k}.wav", bits="float")
        files.append(tmp_path / f"source-{k}.wav")
    sound = made(debug, verb, files)
    assert sound.recipe.index == 1
    sound.write(tmp_path / "made.wav", bits="float")
    for given in (sound, sound.recipe, tmp_path / "made.wav"):
        same = again(given, model=debug)
        assert np.array_equal(same.samples, sound.samples)
        assert same.recipe == sound.recipe


@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if verb.sources != (0,)])
def test_sources_that_were_in_memory_must_be_given_and_may_lie_elsewhere(debug, sources, verb, tmp_path):
    sound = made(debug, verb, sources)
    with pytest.raises(AudioError, match="in memory"):
        again(sound, model=debug)
    assert again(sound, model=debug, sources=sources).sha256 == sound.sha256
    with pytest.raises(AudioError, match="--source"):
        again(sound, model=debug, sources=[source.gain(-1) for source in sources])


def test_a_source_beside_the_file_is_found(debug, texture, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    texture(2048, rate=8000).write("source.wav", bits="float")
    sound = vary(debug, "source.wav", seed=1)[0]
    sound.write("varied.wav", bits="float")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    assert again("there/varied.wav", model=debug).sha256 == sound.sha256


@pytest.mark.parametrize("bits", [16, 24, "float"])
def test_a_source_that_is_gone_is_made_from_its_own_recipe(debug, bits, tmp_path):
    generate(debug, seed=1, label="kick")[0].write(tmp_path / "kick.wav", bits=bits)
    first = vary(debug, tmp_path / "kick.wav", seed=2, amount=0.3)[0]
    first.write(tmp_path / "first.wav", bits=bits)
    second = vary(debug, tmp_path / "first.wav", seed=3, amount=0.3)[0]
    (tmp_path / "kick.wav").unlink()
    (tmp_path / "first.wav").unlink()
    assert again(second).sha256 == second.sha256


def test_a_source_that_was_changed_is_not_taken_for_it(debug, texture, tmp_path):
    texture(2048, rate=8000).write(tmp_path / "source.wav")
    sound = vary(debug, tmp_path / "source.wav", seed=1)[0]
    texture(2048, seed=1, rate=8000).write(tmp_path / "source.wav")
    with pytest.raises(AudioError, match="gone or was changed"):
        again(sound, model=debug)


def test_a_recipe_with_other_sources_than_its_verb_takes_is_refused(debug, texture):
    source = texture(2048, rate=8000)
    sound = vary(debug, source, seed=1)[0]
    recipe = sound.recipe.model_copy(update={"sources": ()})
    with pytest.raises(RequestError, match="vary works on 1"):
        again(recipe, model=debug, sources=[source])


@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if verb.sources != (0,)])
def test_nothing_is_made_of_silence_or_in_no_steps(debug, sources, verb):
    with pytest.raises(RequestError, match="steps"):
        next(iter(VERBS[verb].stream(debug, *sources[: VERBS[verb].sources[0]], **REQUESTS[verb], steps=0)))
    silent = [*sources[: VERBS[verb].sources[0] - 1], Sound(np.zeros((1, 900)), 8000)]
    with pytest.raises(AudioError, match="The sound is silent"):
        next(iter(VERBS[verb].stream(debug, *silent, **REQUESTS[verb])))
    empty = [*sources[: VERBS[verb].sources[0] - 1], Sound(np.zeros((1, 0)), 8000)]
    with pytest.raises(AudioError, match="The sound is empty"):
        next(iter(VERBS[verb].stream(debug, *empty, **REQUESTS[verb])))
