import numpy as np
import pytest

from wavesmith.data.synthetic_drums import LABELS, LONGEST, PEAK, RATE, drum
from wavesmith.errors import RequestError


@pytest.mark.parametrize("label", LABELS)
def test_every_voice_makes_a_sound_and_the_same_one_again(label):
    for seed in range(6):
        one = drum(label, seed)
        assert one.label == label
        assert one.samples.shape[0] == 2
        assert one.samples.shape[1] <= LONGEST * RATE
        assert np.isfinite(one.samples).all()
        assert np.abs(one.samples).max() == pytest.approx(PEAK, rel=1e-3)
        assert np.array_equal(one.samples, drum(label, seed).samples)
    assert not np.array_equal(drum(label, 0).samples[:, :64], drum(label, 1).samples[:, :64])


def test_an_unknown_label_is_refused():
    with pytest.raises(RequestError, match="label"):
        drum("triangle", 0)
