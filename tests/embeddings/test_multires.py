"""The embedding with long windows: what it hears, how it is trained, that it comes back."""

import math

import numpy as np
import pytest
import torch

from wavesmith.embeddings.multires import FineSpectrum, Multires, MultiresConfig
from wavesmith.embeddings.multitask import (
    LOWEST_NOTE,
    NOTES,
    MultitaskExamples,
    _targets,
    make_versions,
    perturb,
    train_multires,
)
from wavesmith.errors import DataError, ModelError

SMALL = MultiresConfig(
    frames=4096,
    bands=16,
    hop=256,
    windows=(512, 1024),
    long_bands=16,
    long_hop=1024,
    long_windows=(2048, 4096),
    widths=(8, 16),
    long_widths=(8, 16),
    mixed=16,
    dimensions=8,
)


def halved(waves, strength, seed):
    """Damage that is easily told: every other millisecond is silent."""
    keep = (torch.arange(waves.shape[-1]) // 44) % 2 == 0
    return waves * torch.where(keep, 1.0, 1.0 - (0.5 + strength / 2))


@pytest.fixture(scope="module")
def sounds(drums):
    waves = torch.cat([drums, drums.roll(300, dims=2)])[..., :4096]
    labels = torch.tensor([0, 0, 0, 1, 1, -1] * 2)
    notes = torch.tensor([40.0, 45.0, 50.0, math.nan, math.nan, 200.0] * 2)
    return MultitaskExamples(waves, labels, labels.clone(), notes, torch.ones(12))


@pytest.fixture(scope="module")
def trained(sounds):
    told = []
    embedding = train_multires(
        sounds, [halved], SMALL, steps=60, batch=6, progress=lambda *what: told.append(what)
    )
    return embedding, told


def test_a_tone_is_far_from_flat_and_noise_is_as_flat_as_noise():
    fine = FineSpectrum(44_100, 24, 4096, 2048)
    time = torch.arange(44_100) / 44_100
    noise = torch.randn(44_100, generator=torch.Generator().manual_seed(0))
    levels, flat = fine(torch.stack([torch.sin(2 * math.pi * 3000 * time) + 1e-3 * noise, noise])).unbind(1)
    loudest = int(levels[0, :, 10].argmax())
    assert flat[0, loudest, 5:-5].max() < -15
    assert flat[1, 14:, 5:-5].mean() == pytest.approx(-2.5, abs=0.4)
    assert flat.max() < 0.01
    assert levels.min() >= -80.1


def test_all_its_losses_fall(trained):
    stages = {stage for stage, *_ in trained[1]}
    assert stages == {"versions", "training"}
    losses = [losses for stage, _, _, losses in trained[1] if stage == "training"]
    for name in ("loss", "label", "damage"):
        assert sum(one[name] for one in losses[-5:]) < 0.8 * sum(one[name] for one in losses[:5])
    assert all(math.isfinite(value) for one in losses for value in one.values())


def test_whole_and_damaged_sounds_come_apart(trained, sounds):
    embedding = trained[0]
    whole, hurt = embedding(sounds.waves), embedding(halved(sounds.waves, 1.0, 0))
    again = embedding(perturb(sounds.waves, 44_100, np.random.default_rng(0)))
    assert (whole - hurt).norm(dim=1).mean() > (whole - again).norm(dim=1).mean()


def test_every_dimension_has_mean_0_and_variance_1_over_whole_sounds(trained, sounds):
    vectors = trained[0](sounds.waves)
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(8), rtol=0, atol=2e-2)
    torch.testing.assert_close(vectors.var(dim=0), torch.ones(8), rtol=0, atol=5e-2)


def test_the_same_seed_makes_the_same_embedding(sounds):
    one, same, other = (
        train_multires(sounds, [halved], SMALL, steps=2, batch=6, seed=seed) for seed in (1, 1, 2)
    )
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name]), name
    assert not torch.equal(one(sounds.waves), other(sounds.waves))


def test_versions_say_what_was_done(sounds):
    embedding = Multires(SMALL)
    versions = make_versions(embedding, sounds.waves, [halved, halved], damaged=2)
    assert versions.kinds[:, :2].eq(0).all()
    assert versions.kinds[:, 2:].ge(1).all()
    short, long = embedding.spectra(sounds.waves[:, 0])
    torch.testing.assert_close(versions.short[:, 0].float(), short, rtol=0, atol=2e-3)
    torch.testing.assert_close(versions.long[:, 0].float(), long, rtol=0, atol=2e-3)


def test_pitches_are_bells_that_sum_to_1():
    targets = _targets(torch.tensor([LOWEST_NOTE + 10.0, 5.0, 300.0]))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(3))
    assert targets.argmax(dim=1).tolist() == [10, 0, NOTES - 1]


def test_fewer_sounds_than_a_batch_are_refused(sounds):
    with pytest.raises(DataError, match="needs 13 sounds at least"):
        train_multires(sounds, [halved], SMALL, steps=1, batch=13)


def test_it_comes_back_from_its_folder(trained, sounds, tmp_path):
    embedding, _ = trained
    embedding.save(tmp_path)
    again = Multires.load(tmp_path)
    assert torch.equal(again(sounds.waves), embedding(sounds.waves))
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="train_multires"):
        Multires.load(tmp_path)
