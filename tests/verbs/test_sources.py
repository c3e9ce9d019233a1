"""Kinds of sources that verbs take."""

import numpy as np
import pytest
import torch

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import again, generate_like, morph, vary

RATE = 8000


@pytest.fixture
def samples():
    time = np.arange(1600) / RATE
    return 0.5 * np.stack([np.sin(1500 * time), np.sin(1800 * time)]) * np.exp(-time / 0.05)


@pytest.mark.parametrize(
    ("convert", "channels"),
    [
        (lambda array: array, 2),
        (lambda array: array[0], 1),
        (lambda array: array.astype(np.float32), 2),
        (lambda array: torch.from_numpy(array), 2),
        (lambda array: array[0].tolist(), 1),
    ],
    ids=["float64", "mono", "float32", "tensor", "list"],
)
def test_an_array_with_its_rate_is_a_source_like_a_sound(debug, samples, convert, channels):
    sound = Sound(samples[:channels].astype(np.float32), RATE)
    (expected,) = vary(debug, sound, seed=1, steps=2)
    (varied,) = vary(debug, (convert(samples), RATE), seed=1, steps=2)
    assert varied.sha256 == expected.sha256
    assert varied.recipe.sources == expected.recipe.sources
    assert again(varied, model=debug, sources=[(convert(samples), RATE)]).sha256 == varied.sha256


def test_kinds_of_sources_mix(debug, samples, tmp_path):
    sound = Sound(samples.astype(np.float32), RATE)
    sound.write(tmp_path / "hit.wav", bits="float")
    made = morph(debug, (samples, RATE), tmp_path / "hit.wav", count=2)
    assert made[0].sha256 == made[1].sha256 == sound.sha256
    assert [source.path for source in made[0].recipe.sources] == ["", str(tmp_path / "hit.wav")]
    assert len(generate_like(debug, (samples, RATE), 1, of=2, steps=2)) == 1


@pytest.mark.parametrize(
    ("source", "error", "named"),
    [
        (np.zeros(1600), RequestError, "ndarray"),
        ((np.zeros((2, 1600)), RATE), AudioError, "silent"),
        ((np.zeros((1600, 2)), RATE), AudioError, r"\[1600, 2\]"),
        ((np.zeros(1600, np.int16), RATE), AudioError, "int16"),
        ((np.ones(1600), 0.5), AudioError, "0.5"),
    ],
    ids=["no rate", "silent", "frames first", "integers", "rate"],
)
def test_other_arrays_are_refused(debug, source, error, named):
    with pytest.raises(error, match=named):
        vary(debug, source)
