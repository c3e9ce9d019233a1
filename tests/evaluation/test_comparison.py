from __future__ import annotations

import pytest
import torch

from wavesmith.errors import RequestError
from wavesmith.evaluation.comparison import Distances, compare
from wavesmith.evaluation.distances import frechet_audio_distance, kernel_audio_distance, overlap


def features(count: int, seed: int, width: int = 8, shift: float = 0.0) -> torch.Tensor:
    return shift + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_every_figure_lies_in_its_interval_and_is_that_of_its_function() -> None:
    sounds, real = features(80, 0, shift=0.3), features(120, 1)
    found = compare(sounds, real, seed=5)
    assert found.kernel.value == pytest.approx(kernel_audio_distance(sounds, real))
    assert found.frechet
    assert found.frechet.value == pytest.approx(frechet_audio_distance(sounds, real, seed=5))
    for name, value in overlap(sounds, real)._asdict().items():
        assert getattr(found, name).value == pytest.approx(value)
    for one in (found.kernel, found.frechet, found.precision, found.recall, found.density, found.coverage):
        assert one.low < one.value < one.high
    assert Distances.model_validate_json(found.model_dump_json()) == found
    assert compare(sounds, real, seed=5) == found


def test_more_sounds_make_it_surer() -> None:
    few, many = (compare(features(n, 0), features(n, 1)) for n in (40, 400))
    for name in ("kernel", "frechet", "precision"):
        narrow, wide = getattr(many, name), getattr(few, name)
        assert narrow.high - narrow.low < 0.7 * (wide.high - wide.low)


def test_the_interval_tells_near_from_far() -> None:
    real = features(150, 0)
    same, other = compare(features(150, 1), real), compare(features(150, 2, shift=0.7), real)
    assert same.kernel.low < 0 < same.kernel.high
    assert other.kernel.low > same.kernel.high


def test_a_figure_that_takes_more_sounds_is_left_out_with_the_number() -> None:
    found = compare(features(30, 0, width=50), features(200, 1, width=50))
    assert found.frechet is None
    assert found.left_out == (
        "The Frechet distance of 50 dimensions needs at least 50 sounds on either side; there are 30.",
    )
    assert found.kernel.value


def test_too_few_sounds_are_refused_with_the_number() -> None:
    with pytest.raises(RequestError, match="at least 20 sounds on either side; there are 19"):
        compare(features(19, 0), features(200, 1))
