import pytest
import torch
from pydantic import ValidationError

from wavesmith.networks import TransformerConfig

FEATURES, LABELS, AUGMENTS = 6, 3, 2
CONFIG = TransformerConfig(fold=2, width=64, depth=2, dropout=0.1)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(outputs=1):
    """With random weights where training would start from zeros, so that everything has an effect."""
    torch.manual_seed(0)
    built = CONFIG.build(FEATURES, outputs, LABELS, AUGMENTS)
    for parameter in built.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return built.eval()


def conditions(batch):
    return {"label": noise(batch, LABELS, seed=1), "augment": noise(batch, AUGMENTS, seed=2)}


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 8, 33])
@pytest.mark.parametrize("outputs", [1, 2])
def test_any_number_of_frames_comes_back(frames, outputs):
    x = noise(2, FEATURES, frames)
    y = network(outputs)(x, noise(2), **conditions(2))
    assert y.shape == (2, outputs * FEATURES, frames)
    assert y.isfinite().all()


def test_it_begins_with_the_answer_zero():
    built = CONFIG.build(FEATURES, 2, LABELS, AUGMENTS)
    assert not built(noise(2, FEATURES, 8), noise(2)).any()


def test_noise_level_label_and_augmentation_matter():
    built, x, told = network(), noise(2, FEATURES, 16), conditions(2)
    y = built(x, torch.zeros(2), **told)
    assert not torch.allclose(built(x, torch.ones(2), **told), y)
    assert not torch.allclose(built(x, torch.zeros(2), **told | {"label": torch.zeros(2, LABELS)}), y)
    assert not torch.allclose(built(x, torch.zeros(2), **told | {"augment": torch.zeros(2, AUGMENTS)}), y)


def test_zeros_mean_no_label_and_no_augmentation():
    built, x = network(), noise(2, FEATURES, 16)
    zeros = {"label": torch.zeros(2, LABELS), "augment": torch.zeros(2, AUGMENTS)}
    assert torch.equal(built(x, noise(2), **zeros), built(x, noise(2)))


def test_an_item_does_not_depend_on_its_batch():
    built, x, level, told = network(), noise(5, FEATURES, 16), noise(5), conditions(5)
    together = built(x, level, **told)
    for k in range(5):
        alone = built(
            x[k : k + 1], level[k : k + 1], **{name: value[k : k + 1] for name, value in told.items()}
        )
        torch.testing.assert_close(alone[0], together[k], rtol=1e-4, atol=1e-5)


def test_far_frames_hear_of_each_other():
    built, x = network(), noise(1, FEATURES, 200)
    changed = x.clone()
    changed[..., -1] += 1
    difference = (built(changed, torch.zeros(1)) - built(x, torch.zeros(1)))[..., :4].abs().max()
    assert difference > 1e-7


def test_gradients_reach_every_parameter():
    built = network(outputs=2).train()
    built(noise(3, FEATURES, 16), noise(3), **conditions(3)).square().mean().backward()
    without = [name for name, p in built.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_dropout_acts_in_training_only():
    built, x = network(), noise(2, FEATURES, 16)
    assert torch.equal(built(x, noise(2)), built(x, noise(2)))
    built.train()
    assert not torch.equal(built(x, noise(2)), built(x, noise(2)))


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


def test_the_number_of_threads_changes_no_bit():
    """At the size of the bundled model, whose inlet and feed-forward have long sums."""
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
