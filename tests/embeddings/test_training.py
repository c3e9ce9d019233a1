import math

import pytest
import torch
from torch.nn import functional as F

from wavesmith.embeddings.mel_cnn import MelCnn, MelCnnConfig
from wavesmith.embeddings.training import EmbeddingExamples, Views, contrast, train_embedding
from wavesmith.errors import DataError, ModelError

SMALL = MelCnnConfig(
    rate=44_100, frames=4096, bands=16, windows=(512, 128), hop=128, widths=(8, 16), dimensions=8
)


@pytest.fixture(scope="module")
def examples(drums):
    waves = torch.cat([drums, drums.roll(300, dims=2)])[..., :4096]
    labels = torch.tensor([0, 0, 0, 1, 1, -1] * 2)
    return EmbeddingExamples(waves, labels, torch.stack([labels == 0, labels != 0], dim=1), torch.ones(12))


@pytest.fixture(scope="module")
def trained(examples):
    losses = []
    embedding = train_embedding(
        examples, SMALL, steps=30, batch=6, progress=lambda step, steps, loss: losses.append(loss)
    )
    return embedding, losses


def test_the_loss_falls_and_labels_come_apart(trained, examples):
    embedding, losses = trained
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    kick, hat = (embedding(examples.waves[examples.labels == label]) for label in (0, 1))
    assert torch.cdist(kick, hat).min() > max(torch.pdist(kick).max(), torch.pdist(hat).max())


def test_every_dimension_has_mean_0_and_variance_1_over_the_training_sounds(trained, examples):
    vectors = trained[0](examples.waves)
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(8), rtol=0, atol=1e-3)
    torch.testing.assert_close(vectors.var(dim=0), torch.ones(8), rtol=0, atol=1e-2)


def test_the_same_seed_makes_the_same_embedding(examples):
    one, same, other = (train_embedding(examples, SMALL, steps=2, batch=6, seed=seed) for seed in (1, 1, 2))
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name]), name
    assert not torch.equal(one(examples.waves), other(examples.waves))


def test_fewer_sounds_than_a_batch_are_refused(examples):
    with pytest.raises(DataError, match="13 sounds"):
        train_embedding(examples, SMALL, steps=1, batch=13)


def test_a_loaded_embedding_gives_the_same_vectors(trained, examples, tmp_path):
    embedding, _ = trained
    embedding.save(tmp_path)
    again = MelCnn.load(tmp_path)
    assert torch.equal(again(examples.waves), embedding(examples.waves))
    assert not any(parameter.requires_grad for parameter in again.parameters())


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_damaged_files_are_refused(trained, tmp_path, file):
    trained[0].save(tmp_path)
    (tmp_path / file).write_bytes(b"nothing")
    with pytest.raises(ModelError, match=tmp_path.name):
        MelCnn.load(tmp_path)


def test_views_with_noise_have_the_spectrum_of_noisy_waves(examples):
    """A view without a tilt and with noise is the spectrogram of a wave with noise, on average."""
    embedding = MelCnn(SMALL)
    views = Views(embedding)
    noise = 0.01 * torch.randn(200, 4096, generator=torch.Generator().manual_seed(0))
    powers = [10 ** (mel(noise[:, None]) / 10) for mel in embedding.mels]
    for window, power in enumerate(powers):
        shape = power.mean(dim=(0, 2))
        expected = views.noise[window, :, 0]
        torch.testing.assert_close(shape / shape.sum(), expected / expected.sum(), rtol=0.1, atol=0)
    generator = torch.Generator().manual_seed(0)
    one, two = (views(examples.waves, generator) for _ in range(2))
    assert one.shape == (12, 2, 16, 33)
    assert not torch.equal(one, two)
    torch.testing.assert_close(one.amax(dim=(2, 3)), torch.zeros(12, 2), rtol=0, atol=1e-4)


def test_contrast_is_nt_xent():
    """Against the formula, term by term."""
    first, second = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    views = F.normalize(torch.cat([first, second]), dim=1).tolist()

    def likeness(i, j):
        return math.exp(sum(a * b for a, b in zip(views[i], views[j], strict=True)) / 0.2)

    terms = [
        -math.log(likeness(i, (i + 3) % 6) / sum(likeness(i, k) for k in range(6) if k != i))
        for i in range(6)
    ]
    assert float(contrast(first, second).mean()) == pytest.approx(sum(terms) / 6, rel=1e-5)
    same = torch.ones(4, 5)
    assert float(contrast(same, same).mean()) == pytest.approx(math.log(7))
