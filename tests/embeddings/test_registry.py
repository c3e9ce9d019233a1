import pytest

from wavesmith.embeddings import EMBEDDINGS, embedding
from wavesmith.errors import RequestError


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(RequestError, match="no embedding called 'statistic'; did you mean 'statistics'"):
        embedding("statistic")


def test_ours_come_first():
    assert EMBEDDINGS[:3] == ("multires", "ears", "statistics")


def test_importing_a_module_of_the_room_leaves_the_function_in_place():
    import wavesmith.embeddings.protocol
    import wavesmith.embeddings.registry

    assert callable(wavesmith.embeddings.embedding)
