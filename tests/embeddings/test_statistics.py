import pytest
import torch
from torch.nn import functional as F

from wavesmith.embeddings import MelCnn, Statistics, load_embedding

BUNDLED = ["statistics", "mel_cnn", "multires"]


@pytest.mark.parametrize("name", BUNDLED)
def test_vectors_are_numbers_of_the_promised_length(name, drums):
    embedding = load_embedding(name)
    vectors = embedding(drums)
    assert vectors.shape == (6, embedding.dimensions)
    assert vectors.dtype == torch.float32
    assert vectors.isfinite().all()
    assert not vectors.requires_grad
    assert (embedding.name, embedding.rate) == (name, 44_100)


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize(
    "change",
    [
        lambda waves: 0.1 * waves,
        lambda waves: -waves,
        lambda waves: waves.expand(-1, 2, -1),
        lambda waves: F.pad(waves, (0, 5000)),
        lambda waves: F.pad(waves, (0, 100_000)),
    ],
    ids=["gain", "polarity", "stereo", "a little silence after it", "seconds of silence after it"],
)
def test_gain_polarity_channels_and_silence_do_not_matter(name, change, drums):
    embedding = load_embedding(name)
    torch.testing.assert_close(embedding(change(drums)), embedding(drums), rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_vector_does_not_depend_on_the_rest_of_the_batch(name, drums):
    embedding = load_embedding(name)
    torch.testing.assert_close(embedding(drums)[4:5], embedding(drums[4:5]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BUNDLED)
def test_like_sounds_are_nearer_than_others(name, drums):
    embedding = load_embedding(name)
    distances = torch.cdist(embedding(drums), embedding(drums))
    within = max(float(distances[:3, :3].max()), float(distances[3:, 3:].max()))
    assert float(distances[:3, 3:].min()) > within


@pytest.mark.parametrize("name", BUNDLED)
def test_silence_and_a_click_have_vectors_too(name):
    waves = torch.zeros(2, 1, 50)
    waves[1, 0, 10] = 0.5
    vectors = load_embedding(name)(waves)
    assert vectors.isfinite().all()
    assert not torch.equal(*vectors)


def test_statistics_measure_modulation():
    """In the bands of a tone that beats eleven times a second, most modulation is from 8 to 16 Hz."""
    time = torch.arange(44_100) / 44_100
    tone = torch.sin(2 * torch.pi * 1000 * time)
    beating = tone * (1 + 0.8 * torch.sin(2 * torch.pi * 11 * time))
    steady, moving = Statistics()(torch.stack([tone, beating])[:, None])[:, -48:].reshape(2, 8, 6)[:, 2]
    assert moving[2] > 5 * moving[[0, 1, 3, 4, 5]].max()
    assert moving[2] > 20 * steady.max()


def test_the_bundled_weights_are_small():
    from wavesmith.embeddings import mel_cnn

    assert sum(path.stat().st_size for path in mel_cnn.BUNDLED.iterdir()) < 5e6
    assert isinstance(load_embedding("mel_cnn"), MelCnn)
