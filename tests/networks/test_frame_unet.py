import pytest
import torch
from pydantic import ValidationError

from wavesmith.networks import FrameUNetConfig
from wavesmith.networks.frame_unet import fold, unfold


@pytest.mark.parametrize(
    "wrong",
    [
        {"widths": ()},
        {"widths": (16, 60)},
        {"widths": (12, 64)},
        {"widths": (10**9,)},
        {"fold": 0},
        {"blocks": 0},
        {"blocks": 10**9},
        {"dropout": 1.0},
        {"depth": 3},
    ],
)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ValidationError):
        FrameUNetConfig(**wrong)


def test_folding_stacks_neighbouring_frames_and_unfolding_undoes_it():
    x = torch.arange(2 * 3 * 8.0).view(2, 3, 8)
    folded = fold(x, 4)
    assert folded.shape == (2, 12, 2)
    assert folded[0, :4, 1].tolist() == x[0, 0, 4:].tolist()
    assert torch.equal(unfold(folded, 4), x)
