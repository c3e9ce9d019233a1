import pytest
import torch
from pydantic import ValidationError

from wavesmith.networks import TransformerConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 100},
        {"width": 0},
        {"width": 64 * 10**9},
        {"depth": 0},
        {"depth": 10**9},
        {"fold": 0},
        {"dropout": 1.0},
        {"blocks": 3},
    ],
)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ValidationError):
        TransformerConfig(**wrong)


@pytest.mark.parametrize("features", [1, 2, 5, 7, 33, 100])
def test_energies_of_any_number_of_features_are_heard(features):
    network = TransformerConfig(fold=1, width=64, depth=1, energies=True).build(features)
    assert network(torch.ones(1, features, 4), torch.zeros(1)).shape == (1, features, 4)


def test_the_number_of_threads_changes_no_bit():
    """At the size of the bundled model, whose projections and feed-forward have long sums."""
    config = TransformerConfig(fold=1, width=384, depth=1, energies=True)
    network = config.build(1024, outputs=2).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    x, before = torch.randn(1, 1024, 86), torch.get_num_threads()
    made = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            made.append(network(x, torch.tensor([0.5])))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], made[2])
