import pytest
import torch

from wavesmith.errors import RequestError
from wavesmith.training import TrainingConfig
from wavesmith.training.hardware import Hardware


def test_threads_are_limited_for_a_while():
    before = torch.get_num_threads()
    with Hardware(threads=before + 1).limited_threads():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with Hardware().limited_threads():
        assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    "wrong", [{"devices": 0}, {"nodes": 0}, {"workers": -1}, {"threads": 0}, {"device": "gpu"}]
)
def test_values_that_cannot_be_used_are_refused_by_name(wrong):
    with pytest.raises(RequestError, match=next(iter(wrong))):
        Hardware.checked(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_missing_is_refused():
    with pytest.raises(RequestError, match="1 x cuda"):
        Hardware.checked(device="cuda")


def test_devices_and_batches_make_a_step():
    assert Hardware(devices=3, nodes=2).examples_per_step(TrainingConfig(batch=4, accumulate=5)) == 120


def test_precision_follows_the_configuration():
    fabric = Hardware(device="cpu").fabric(TrainingConfig(precision="bf16"))
    assert fabric.strategy.precision.precision == "bf16-mixed"
