from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wavesmith.errors import RequestError
from wavesmith.evaluation.faults import FaultSummary, check_sound, check_sounds
from wavesmith.sound import Sound

RATE = 44100
SECOND = np.arange(RATE) / RATE


def sound(samples: NDArray[np.floating]) -> Sound:
    return Sound(samples[None].astype(np.float32), RATE)


def hit(at: float = 0.0, decay: float = 60.0, level: float = 0.5) -> NDArray[np.floating]:
    """A tone of 200 Hz that starts at a time and dies away."""
    since = np.maximum(0, SECOND - at)
    return level * np.exp(-decay * since) * np.sin(2 * np.pi * 200 * since)


def test_a_clean_hit_is_faultless() -> None:
    one = check_sound(sound(hit()))
    assert (one.hits, one.gap_seconds) == (1, 0)
    assert one.peak_seconds == pytest.approx(0.001, abs=0.001)
    assert one.step_db == -np.inf
    assert check_sounds([sound(hit())]).faults["faultless"].value == 1


def test_a_second_hit_after_a_silence_counts_and_the_gap_is_measured() -> None:
    twice = check_sound(sound(hit(decay=200) + hit(at=0.5, decay=200, level=0.3)))
    assert twice.hits == 2
    # The first falls below -50 dB after ln(10) * 50 / 20 / 200 = 29 ms.
    assert twice.gap_seconds == pytest.approx(0.5 - 0.029, abs=0.005)


def test_flams_echoes_and_quiet_ends_are_no_double_hits() -> None:
    flam = hit(decay=200) + hit(at=0.05, decay=200)
    murmur = hit(decay=200) + hit(at=0.5, level=0.5 * 10 ** (-35 / 20))
    rumble = 0.5 * np.exp(-3 * SECOND) * np.sin(2 * np.pi * 25 * SECOND)
    assert [check_sound(sound(samples)).hits for samples in (flam, murmur, rumble)] == [1, 1, 1]


def test_the_peak_and_a_late_attack_are_timed() -> None:
    late = check_sound(sound(hit(at=0.25)))
    assert late.attack_seconds == pytest.approx(0.25, abs=0.001)
    assert late.peak_seconds == pytest.approx(0.251, abs=0.001)
    assert late.hits == 1


def test_each_fault_is_counted_by_itself() -> None:
    faults = {
        "quiet": 0.001 * hit(),
        "clipped": np.clip(4 * hit(), -1, 1),
        "dc": hit() + 0.04 * np.exp(-10 * SECOND),
        "click": 0.5 * np.exp(-60 * SECOND) * np.cos(2 * np.pi * 200 * SECOND),
        "late": hit(at=0.1),
        "cut": 0.5 * np.sin(2 * np.pi * 200 * SECOND),
        "double_hits": hit(decay=200) + hit(at=0.5, decay=200),
    }
    report = check_sounds([sound(hit()), *map(sound, faults.values())])
    shares = {name: one.value for name, one in report.faults.items()}
    assert shares == {name: pytest.approx(1 / 8) for name in [*faults, "faultless"]}
    assert all(one.low < one.value < one.high for one in report.faults.values())


def test_silence_is_quiet_and_survives_json() -> None:
    report = check_sounds([sound(np.zeros(RATE)), Sound(np.zeros((1, 0), np.float32), RATE)])
    assert report.faults["quiet"].value == 1
    assert report.levels["hits"].highest == 0
    assert report.levels["loudness_db"].highest == -np.inf
    assert FaultSummary.model_validate_json(report.model_dump_json()) == report


def test_levels_are_spread_from_lowest_to_highest() -> None:
    report = check_sounds([sound(hit(level=0.01 * k)) for k in range(1, 42)])
    peak, loudest = report.levels["peak_db"], hit(level=1).max()
    assert (peak.lowest, peak.highest) == (
        pytest.approx(20 * np.log10(0.01 * loudest), abs=0.01),
        pytest.approx(20 * np.log10(0.41 * loudest), abs=0.01),
    )
    assert peak.median == pytest.approx(20 * np.log10(0.21 * loudest), abs=0.01)
    assert peak.lowest < peak.low < peak.median < peak.high < peak.highest


def test_no_sound_is_an_error() -> None:
    with pytest.raises(RequestError, match="no sound"):
        check_sounds([])
