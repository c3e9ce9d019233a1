"""Models in closed form: one draws its training sounds again, another generates new ones like them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import betabinom
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.memorisation import examine
from wavesmith.evaluation.memorisation_report import MemorisationReport, card_rows
from wavesmith.evaluation.order_statistics import at_least, threshold
from wavesmith.models import debug_model
from wavesmith.sound import Sound

RATE, FRAMES = 8000, 2400


class File(NamedTuple):
    path: str
    label: str | None
    group: str
    rate: int = RATE
    seconds: float = FRAMES / RATE


class Sounds:
    """Sounds in memory (and on disk, if there is a folder) with the simplest of embeddings."""

    def __init__(self, name: str, waves: Tensor, groups: Sequence[str] = (), root: Path = Path()) -> None:
        self.root, self.waves = root, waves
        self.files = [
            File(f"{name}/{k:03d}.wav", "kick", groups[k] if groups else f"{name}{k}")
            for k in range(len(waves))
        ]
        spectra = np.abs(np.fft.rfft(waves[:, 0].numpy()))[:, :1200].reshape(-1, 24, 50).mean(2)
        self.vectors: NDArray[np.float32] = np.float32(spectra / spectra.max(1, keepdims=True))

    def sound(self, index: int) -> Sound:
        return Sound.from_tensor(self.waves[index], RATE)


def drums(count: int, seed: int) -> Tensor:
    """Decaying partials and noise, every one of its own pitch, decay and rhythm `[count, 1, FRAMES]`."""
    random = np.random.default_rng(seed)
    time = np.arange(FRAMES) / RATE
    waves = []
    for _ in range(count):
        pitch, fall, rough = random.uniform(60, 900), random.uniform(10, 40), random.uniform(0, 1)
        steps = random.uniform(0, 1, 8).repeat(FRAMES // 8) ** 2
        tone = sum(np.sin(2 * np.pi * pitch * k * time) * random.uniform() / k for k in (1, 2, 3))
        noise = random.standard_normal(FRAMES) / 3
        waves.append(((1 - rough) * tone + rough * noise) * steps * np.exp(-fall * time))
    return torch.tensor(np.stack(waves), dtype=torch.float32)[:, None] / 4


def draw(training: Tensor, count: int, seed: int) -> Tensor:
    """Sample with the best denoiser of the empirical distribution, which can only make training sounds.

    For noise level sigma the denoised sound is the mean of the training sounds, weighted by a softmax of
    -|x - sound|^2 / (2 sigma^2): Euler steps down the noise levels end at one of them.
    """
    x = 20 * torch.randn(count, FRAMES, generator=torch.Generator().manual_seed(seed))
    known = training[:, 0]
    sigmas = [*torch.logspace(1.3, -2.5, 30).tolist(), 0.0]
    for sigma, lower in pairwise(sigmas):
        weights = (-torch.cdist(x, known).square() / (2 * sigma**2)).softmax(dim=1)
        x = x + (x - weights @ known) * (lower - sigma) / sigma
    return x[:, None]


@pytest.fixture(scope="module")
def training() -> Sounds:
    return Sounds("training", drums(60, 0))


@pytest.fixture(scope="module")
def held_out() -> Sounds:
    return Sounds("held", drums(60, 1))


@pytest.fixture(scope="module")
def innocent(training: Sounds, held_out: Sounds) -> MemorisationReport:
    return examine(Sounds("made", drums(60, 2)), training, held_out)


def test_a_model_that_draws_its_training_sounds_again_is_caught(training, held_out):
    report = examine(Sounds("made", draw(training.waves, 24, 3)), training, held_out)
    assert report.verdict == "memorised"
    assert report.exact > 20
    assert report.tests[0].probability < 1e-6
    assert report.tests[0].ratio < 0.2


def test_a_model_that_makes_new_sounds_passes(innocent):
    assert innocent.verdict == "passed"
    assert innocent.exact == 0
    assert innocent.near <= 3
    assert all(test.probability > 0.01 for test in innocent.tests)
    assert innocent.tests[0].ratio == pytest.approx(1, abs=0.15)


def test_a_few_planted_copies_are_listed_first_with_their_originals(training, held_out):
    waves = drums(60, 2)
    waves[7] = 0.2 * training.waves[11]
    waves[30] = -training.waves[40].roll(150, dims=-1)
    report = examine(Sounds("made", waves), training, held_out)
    assert report.verdict == "memorised"
    assert {(match.sound, match.nearest) for match in report.matches[:2]} == {
        ("made/007.wav", "training/011.wav"),
        ("made/030.wav", "training/040.wav"),
    }
    assert [match.kind for match in report.matches[:2]] == ["exact copy", "exact copy"]
    assert report.exact == 2


def test_noise_over_a_copy_does_not_hide_it(training, held_out):
    waves = drums(60, 2)
    noise = torch.randn(FRAMES, generator=torch.Generator().manual_seed(0))
    waves[7] = training.waves[11] + 0.02 * training.waves[11].square().mean().sqrt() * noise
    report = examine(Sounds("made", waves), training, held_out)
    found = {match.sound: match for match in report.matches}["made/007.wav"]
    assert (found.kind != "new", found.nearest) == (True, "training/011.wav")


@pytest.mark.parametrize("variety", [0.3, 2.0])
def test_new_takes_of_known_drums_are_no_copies(variety):
    """Every drum has several takes in the training set; a model that makes further takes has not copied.

    At the lower variety takes can hardly be told apart, so that they count as exact copies of each other.
    """

    def takes(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        accents = torch.rand(80, 1, 24, generator=generator).repeat_interleave(FRAMES // 24, dim=2)
        return drums(20, 0).repeat_interleave(4, dim=0) * (1 + variety * accents)

    groups = [f"drum {k // 4}" for k in range(80)]
    report = examine(
        Sounds("made", takes(1)), Sounds("training", takes(0), groups), Sounds("held", drums(40, 5))
    )
    assert (report.exact > 10, report.real_copies > 10) == ((variety < 1,) * 2)
    assert report.tests[0].ratio < 0.6
    assert report.verdict == "passed"


def test_without_held_out_sounds_training_sounds_set_the_threshold(training):
    made = Sounds("made", drums(60, 2))
    report = examine(made, training)
    assert (report.verdict, report.held_out, report.real_sounds) == ("passed", 0, 60)
    assert examine(Sounds("made", draw(training.waves, 24, 3)), training).verdict == "memorised"


def test_held_out_sounds_that_are_training_sounds_do_not_count(training):
    leaky = Sounds("held", torch.cat([drums(40, 1), training.waves[:5]]))
    report = examine(Sounds("made", draw(training.waves, 24, 3)), training, leaky)
    assert len(report.leaked) == 5
    assert report.leaked[0] == ("held/040.wav", "training/000.wav")
    assert report.verdict == "memorised"


def test_a_model_has_its_membership_measured(tmp_path):
    """The debug model was not trained on any sound."""
    sets = []
    for name, seed in (("training", 0), ("held", 1)):
        sounds = Sounds(name, drums(16, seed), root=tmp_path)
        for index, file in enumerate(sounds.files):
            sounds.sound(index).write(tmp_path / file.path)
        sets.append(sounds)
    calls = []
    report = examine(
        Sounds("made", drums(10, 2)), *sets, model=debug_model(), progress=lambda *step: calls.append(step)
    )
    assert report.membership is not None
    assert report.membership.probability > 0.01
    assert report.verdict == "passed"
    assert any("AUC" in reason for reason in report.reasons)
    assert ("denoising real sounds", 32, 32) in calls


def test_a_report_goes_to_json_and_back_and_to_a_card(innocent):
    assert MemorisationReport.model_validate_json(innocent.model_dump_json()) == innocent
    rows = dict(card_rows(innocent))
    assert rows["memorisation"] == "passed"
    assert rows["exact copies of training sounds"] == "0 of 60"


def test_too_little_to_go_by_is_refused(training):
    with pytest.raises(RequestError, match="at least 20"):
        examine(Sounds("made", drums(4, 2)), Sounds("training", drums(10, 0)))
    with pytest.raises(RequestError, match="no generated sound"):
        examine(Sounds("made", drums(1, 2)[:0]), training)


@pytest.mark.parametrize(("hits", "count", "a", "n"), [(0, 5, 1, 20), (3, 50, 2, 400), (50, 50, 1, 99)])
def test_chances_are_those_of_the_beta_binomial_distribution(hits, count, a, n):
    expected = betabinom.sf(hits - 1, count, a, n + 1 - a)
    assert at_least(hits, count, a, n + 1 - a) == pytest.approx(expected, rel=1e-9)


def test_a_threshold_accuses_the_innocent_as_rarely_as_it_says():
    """Draws of one distribution: the stated probability of three or more below the smallest of 99 holds."""
    random = np.random.default_rng(0)
    alarms = [(random.random(40) < random.random(99).min()).sum() >= 3 for _ in range(4000)]
    limit = threshold(random.random(99).tolist(), 0.01)
    assert limit.false_alarm == pytest.approx(0.01)
    assert np.mean(alarms) == pytest.approx(limit.probability(3, 40), rel=0.35)
