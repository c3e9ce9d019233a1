import pytest
import torch
from pydantic import ValidationError

from wavesmith.networks import FrameUNetConfig
from wavesmith.networks.layers import patchify, unpatchify


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


def test_patchify_stacks_neighbouring_frames_and_unpatchify_inverts_it():
    x = torch.arange(2 * 3 * 8.0).view(2, 3, 8)
    patches = patchify(x, 4)
    assert patches.shape == (2, 12, 2)
    assert patches[0, :4, 1].tolist() == x[0, 0, 4:].tolist()
    assert torch.equal(unpatchify(patches, 4), x)
