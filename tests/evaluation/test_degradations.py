"""Controlled damage does what it says, and the distances grow with it."""

import math

import pytest
import torch

from wavesmith.descriptors import LogMel
from wavesmith.embeddings import Statistics
from wavesmith.evaluation import degradations, kernel_audio_distance, overlap
from wavesmith.measures import partial_shares

RATE = 44_100


def spectrum(wave):
    return torch.fft.rfft(wave).abs().square()


@pytest.fixture(scope="module")
def hits():
    """Forty decaying tones with a noisy attack, `[40, 1, N]`, followed by silence."""
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(8192) / RATE
    hertz = 80 * 2 ** torch.linspace(0, 3, 40)[:, None]
    fall = 20 + 40 * torch.rand(40, 1, generator=generator)
    tone = torch.sin(2 * math.pi * hertz * time) * torch.exp(-fall * time)
    noise = 0.3 * torch.randn(40, 8192, generator=generator) * torch.exp(-4 * fall * time)
    return torch.nn.functional.pad((tone + noise)[:, None] * 0.5, (0, 2000))


def test_noise_lies_so_far_below_the_sounding_part(hits):
    added = degradations.noise(hits, 20) - hits
    level = added.square().mean(dim=-1) / hits[..., :8192].square().mean(dim=-1)
    torch.testing.assert_close(level, torch.full((40, 1), 0.01), rtol=0.1, atol=0)


def test_a_low_pass_takes_3_db_there_and_nearly_nothing_or_all_an_octave_off():
    impulse = torch.zeros(1, 1, RATE)
    impulse[..., RATE // 2] = 1
    passed = spectrum(degradations.low_pass(impulse, RATE, 1000)[0, 0])
    decibels = 10 * passed[[500, 1000, 2000]].log10()
    torch.testing.assert_close(decibels, torch.tensor([0.0, -3.01, -48.2]), rtol=0, atol=0.2)


def test_clipping_cuts_at_a_level_below_the_peak(hits):
    clipped = degradations.clip(hits, 12)
    limit = hits.abs().amax(dim=-1) * 10 ** (-12 / 20)
    torch.testing.assert_close(clipped.abs().amax(dim=-1), limit)
    untouched = hits.abs() < 0.9 * limit[..., None]
    assert torch.equal(clipped[untouched], hits[untouched])


def test_smearing_spreads_a_click_over_its_time_and_favours_no_frequency():
    click = torch.zeros(1, 1, RATE)
    click[..., 100] = 1
    smeared = degradations.smear(click, RATE, 50)[0, 0]
    assert smeared[:100].abs().max() < 1e-3
    late = smeared[100 + round(0.1 * RATE) :].square().sum()
    middle = smeared[100 + round(0.005 * RATE) : 100 + round(0.05 * RATE)].square().sum()
    assert late < 1e-4 < 0.05 < middle
    torch.testing.assert_close(spectrum(smeared), torch.ones(RATE // 2 + 1), rtol=0.05, atol=0)


def test_hiss_has_its_level_everywhere(hits):
    added = degradations.hiss(hits, -50) - hits
    level = added.square().mean(dim=-1).sqrt() / hits.abs().amax(dim=-1)
    torch.testing.assert_close(level, torch.full((40, 1), 10 ** (-50 / 20)), rtol=0.05, atol=0)


@pytest.mark.parametrize("window", [512, 2048])
def test_randomised_phases_keep_the_mel_spectrogram_and_lose_the_tones(hits, window):
    mel = LogMel(RATE, bands=32, window=2048, hop=512)
    changed = degradations.randomise_phases(hits, window)
    levels = (mel(changed).clamp_min(-50) - mel(hits).clamp_min(-50)).mean(dim=2)
    assert levels.abs().mean() < 4
    steady = torch.sin(2 * math.pi * 1000 * torch.arange(RATE) / RATE)[None, None]
    before, after = (
        float(partial_shares(one.numpy(), RATE)[0, 0])
        for one in (steady, degradations.randomise_phases(steady, window))
    )
    assert before > 0.9
    assert after < 0.3
    assert torch.equal(
        degradations.randomise_phases(hits, window, seed=3),
        degradations.randomise_phases(hits, window, seed=3),
    )


def test_phases_turned_by_nothing_change_nothing(hits):
    torch.testing.assert_close(degradations.randomise_phases(hits, 512, 0.0), hits, rtol=0, atol=1e-5)


def test_channels_turn_together(hits):
    stereo = torch.cat([hits, 0.5 * hits], dim=1)
    changed = degradations.randomise_phases(stereo, 512)
    torch.testing.assert_close(changed[:, 1], 0.5 * changed[:, 0], rtol=0, atol=1e-5)


def test_tones_are_replaced_by_noise_of_their_energy():
    time = torch.arange(RATE) / RATE
    noise = 0.02 * torch.randn(1, 1, RATE, generator=torch.Generator().manual_seed(0))
    sound = noise + 0.3 * torch.sin(2 * math.pi * 700 * time)
    shares = []
    for share in (0.0, 0.5, 1.0):
        changed = degradations.tones_to_noise(sound, share)
        assert float(changed.square().mean() / sound.square().mean()) == pytest.approx(1, abs=0.15)
        shares.append(float(partial_shares(changed.numpy(), RATE)[0, 0]))
    assert shares[0] > 0.9
    assert shares[1] == pytest.approx(0.5, abs=0.15)
    assert shares[2] < 0.2


def test_tails_are_cut_and_damped():
    sound = torch.cat([torch.zeros(1, 1, 500), torch.ones(1, 1, RATE)], dim=2)
    cut = degradations.cut_tail(sound, RATE, 100)
    assert torch.equal(cut[..., : 500 + 4410], sound[..., : 500 + 4410])
    assert cut[..., 500 + 4410 + 221 :].abs().max() == 0
    damped = degradations.damp_tail(sound, RATE, 200)
    assert float(damped[0, 0, 500 + 8820]) == pytest.approx(1e-3, rel=0.01)


def test_a_pre_echo_comes_before_the_attack():
    sound = torch.zeros(1, 1, RATE)
    sound[..., 1000:5000] = 0.5
    echoed = degradations.pre_echo(sound, RATE, 20)
    assert float(echoed[..., 1000:1882].abs().max()) == pytest.approx(0.05, rel=1e-3)
    assert torch.equal(echoed[..., 1882:5882], sound[..., 1000:5000])


def test_an_attack_is_smeared_over_its_time_only():
    sound = torch.ones(1, 1, RATE)
    soft = degradations.soften_attack(sound, RATE, 10)
    assert float(soft[0, 0, 220]) == pytest.approx(0.5, abs=0.02)
    assert torch.equal(soft[..., 441:], sound[..., 441:])


def test_gaps_are_silent_and_as_many_as_asked_for():
    sound = torch.ones(40, 2, RATE)
    holed = degradations.gaps(sound, RATE, 5.0)
    assert float((holed < 0.01).float().mean()) == pytest.approx(5 * 0.010, rel=0.3)
    assert torch.equal(holed[:, 0], holed[:, 1])
    assert torch.equal(degradations.gaps(sound, RATE, 0.0), sound)


def test_narrowing_takes_the_side_away():
    stereo = torch.randn(3, 2, 100, generator=torch.Generator().manual_seed(0))
    mono = degradations.narrow(stereo, 1.0)
    torch.testing.assert_close(mono[:, 0], mono[:, 1])
    torch.testing.assert_close(mono.mean(dim=1), stereo.mean(dim=1))
    assert torch.equal(degradations.narrow(stereo, 0.0), stereo)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: degradations.randomise_phases(w, 512),
        lambda w: degradations.tones_to_noise(w, 1.0),
        lambda w: degradations.hiss(w, -50),
        lambda w: degradations.cut_tail(w, RATE, 50),
        lambda w: degradations.damp_tail(w, RATE, 50),
        lambda w: degradations.pre_echo(w, RATE, 20),
        lambda w: degradations.soften_attack(w, RATE, 5),
        lambda w: degradations.gaps(w, RATE, 3),
    ],
)
def test_silence_and_short_sounds_stay_finite(change):
    for waves in (torch.zeros(2, 1, 4000), torch.rand(1, 2, 600)):
        found = change(waves)
        assert found.shape == waves.shape
        assert found.isfinite().all()


DAMAGES = {
    "noise": [lambda waves, db=db: degradations.noise(waves, db) for db in (40, 20, 0)],
    "low-pass": [lambda waves, khz=khz: degradations.low_pass(waves, RATE, 1000 * khz) for khz in (12, 8, 4)],
    "clipping": [lambda waves, db=db: degradations.clip(waves, db) for db in (12, 20, 30)],
    "time smear": [lambda waves, ms=ms: degradations.smear(waves, RATE, ms) for ms in (30, 100, 300)],
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_distances_grow_with_damage(hits, kind):
    ear = Statistics()
    real, other = ear(hits[::2]), hits[1::2]
    damaged = [ear(change(other)) for change in DAMAGES[kind]]
    kernel = [kernel_audio_distance(features, real) for features in (ear(other), *damaged)]
    assert abs(kernel[0]) < 0.5 * kernel[1]
    assert kernel == sorted(kernel)
    covered = [overlap(features, real).coverage for features in damaged]
    assert covered == sorted(covered, reverse=True)
