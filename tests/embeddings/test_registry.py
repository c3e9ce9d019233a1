import pytest

from wavesmith.embeddings import EMBEDDINGS, load_embedding
from wavesmith.errors import RequestError


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'statistics'"):
        load_embedding("statistic")


def test_bundled_embeddings_come_first():
    assert list(EMBEDDINGS)[:3] == ["multires", "mel_cnn", "statistics"]


def test_the_name_of_version_0_1_still_works():
    assert load_embedding("ears").name == "mel_cnn"
