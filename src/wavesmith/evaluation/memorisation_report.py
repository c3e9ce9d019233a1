"""What a search for memorised training sounds found: plain values that go to JSON and back."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from wavesmith.evaluation.fields import renamed
from wavesmith.evaluation.membership import Membership

Distance = Literal["mel", "waveform", "embedding"]
DISTANCES: tuple[Distance, ...] = ("mel", "waveform", "embedding")
Kind = Literal["exact copy", "near copy", "new"]
Verdict = Literal["passed", "suspicious", "memorised"]


class Match(BaseModel):
    """A generated sound and its nearest training sound.

    Attributes:
        sound, nearest: paths of the two in their folders.
        kind: classification by the distances.
        decibels, correlation, shift_seconds, gain_db: see `Comparison`.
        embedding: distance to the training sound that is nearest in the embedding.
        ratio: `decibels` relative to the median of held-out sounds (or else of training sounds among
            themselves): 1 is usual, 0 is a copy.
    """

    model_config = ConfigDict(frozen=True)

    sound: str
    nearest: str
    kind: Kind
    decibels: float
    correlation: float
    shift_seconds: float
    gain_db: float
    embedding: float
    ratio: float


class DistanceTest(BaseModel):
    """Distances to the nearest training sound by one measure, and a test whether too many are small.

    Attributes:
        name: `mel` (dB), `waveform` (1 - correlation) or `embedding`.
        generated: median of the generated sounds.
        held_out: median of the held-out sounds; None without them.
        training: median of training sounds, each to the nearest other one.
        threshold: below it a sound counts as near; an order statistic of the real sounds' distances.
        false_alarm: probability that a sound as new as the real ones falls below the threshold.
        near: number of generated sounds below the threshold.
        expected: expected number by chance.
        probability: of that many or more by chance (beta-binomial, because the threshold was estimated from a
            sample).
        real_distances: distances of real sounds, ascending: held-out ones, and training sounds among
            themselves.
        distances: distances of the generated sounds, in the order of their files.
    """

    model_config = ConfigDict(frozen=True)

    name: Distance
    generated: float
    held_out: float | None
    training: float = renamed("training", "among")
    threshold: float
    false_alarm: float
    near: int
    expected: float
    probability: float
    real_distances: tuple[float, ...] = renamed("real_distances", "yardstick")
    distances: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the generated sounds relative to that of the held-out (or else the training) sounds."""
        return self.generated / max(self.training if self.held_out is None else self.held_out, 1e-9)


class MemorisationReport(BaseModel):
    """The verdict and its evidence.

    Attributes:
        verdict: `passed`, `suspicious` or `memorised`.
        reasons: why, in sentences.
        training, held_out: number of real sounds.
        real_sounds: number of real sounds that the thresholds are taken of.
        real_copies: number of these that would count as exact copies of another: indistinguishable takes.
        exact, near: number of generated sounds that are exact or near copies.
        tests: the distances.
        matches: every generated sound with its nearest training sound, nearest first.
        membership: whether the network distinguishes its training sounds; None without a model or held-out
            sounds.
        leaked: held-out sounds that are copies of training sounds, with these; they are not used.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    reasons: tuple[str, ...]
    training: int
    held_out: int
    real_sounds: int = renamed("real_sounds", "yardstick")
    real_copies: int = renamed("real_copies", "twins")
    exact: int
    near: int
    tests: tuple[DistanceTest, ...] = renamed("tests", "measures")
    matches: tuple[Match, ...]
    membership: Membership | None = None
    leaked: tuple[tuple[str, str], ...] = ()

    @property
    def expected_near(self) -> float:
        """Expected number of near copies by chance."""
        return sum(test.expected for test in self.tests)


def card_rows(report: MemorisationReport) -> list[tuple[str, str]]:
    """Return rows (measure, value) for a model card."""
    sounds = len(report.matches)
    rows = [
        ("memorisation", report.verdict),
        ("exact copies of training sounds", f"{report.exact} of {sounds}"),
        ("near copies", f"{report.near} of {sounds}; by chance {report.expected_near:.1f}"),
        ("nearest training sound, relative to held-out sounds", f"{report.tests[0].ratio:.2f}"),
    ]
    if membership := report.membership:
        rows.append(("training sounds distinguished from held-out ones (AUC)", f"{membership.auc:.2f}"))
    return rows
