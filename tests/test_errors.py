import pytest

from wavesmith.errors import AudioError, DataError, ModelError, RequestError, WavesmithError, unknown


@pytest.mark.parametrize("kind", [AudioError, DataError, ModelError, RequestError])
def test_everything_a_user_can_put_right_is_caught_by_one_name(kind):
    with pytest.raises(WavesmithError, match="put it right"):
        raise kind("put it right")


def test_the_nearest_name_is_suggested():
    assert (
        unknown("label", "snair", ["kick", "snare"])
        == "There is no label called 'snair'; did you mean 'snare'?"
    )


def test_without_a_near_one_all_are_listed_in_order():
    sentence = unknown("label", "zzz", ["snare", "kick"])
    assert sentence == "There is no label called 'zzz'; choose one of: kick, snare."
