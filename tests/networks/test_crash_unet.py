from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from wavesmith.networks.cost import parameters
from wavesmith.networks.crash_unet import CrashUNetConfig


def test_the_defaults_are_crash() -> None:
    with torch.device("meta"):
        network = CrashUNetConfig().build(features=1)
    assert parameters(network) + network.noise.frequencies.numel() == 15_754_849
    assert len(network.state_dict()) == 121
    assert network.stride == 300


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"factors": (2, 2)}, "factors has 2 entries, but widths has 5"),
        ({"widths": (), "factors": ()}, "at least 1 item"),
        ({"inlet": 0}, "greater than 0"),
        ({"width": (8,)}, "Extra inputs are not permitted"),
    ],
)
def test_configurations_that_cannot_be_built_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CrashUNetConfig(**changes)
