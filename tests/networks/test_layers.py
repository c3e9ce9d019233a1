import torch

from wavesmith.networks.layers import (
    HEAD_WIDTH,
    Conditioning,
    Position,
    ResBlock,
    RotaryAttention,
    apply_rotary,
    rotary_angles,
)

NOISE = torch.tensor([-1.5, 0.0, 1.2])


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def conditioning(**options):
    torch.manual_seed(0)
    return Conditioning(8, **options)


def before_mixing(layer, *args):
    """What enters the last, non-linear part: there, labels add up."""
    entered = []
    hook = layer.mix.register_forward_hook(lambda module, inputs, output: entered.append(inputs[0]))
    layer(*args)
    hook.remove()
    return entered[0]


def test_a_mix_of_labels_enters_linearly():
    layer = conditioning(labels=2)
    kick, snare, mixed = (
        torch.tensor([weights]).expand(3, 2) for weights in ([1.0, 0], [0, 1.0], [0.7, 0.3])
    )
    expected = 0.7 * before_mixing(layer, NOISE, kick) + 0.3 * before_mixing(layer, NOISE, snare)
    torch.testing.assert_close(before_mixing(layer, NOISE, mixed), expected)
    assert not torch.allclose(layer(NOISE, kick), layer(NOISE, snare))


def test_all_zeros_is_no_label():
    layer = conditioning(labels=2)
    assert torch.equal(layer(NOISE, torch.zeros(3, 2)), layer(NOISE))


def test_augmentation_has_no_effect_at_first_and_can_learn_one():
    layer = conditioning(augments=4)
    assert torch.equal(layer(NOISE, None, noise(3, 4)), layer(NOISE))
    layer(NOISE, None, noise(3, 4)).square().sum().backward()
    assert layer.augment.weight.grad.abs().sum() > 0


def test_noise_levels_differ_and_the_frequencies_are_the_same_every_time():
    layer = conditioning()
    condition = layer(NOISE)
    assert condition.shape == (3, 8)
    assert not torch.allclose(condition[0], condition[1])
    torch.manual_seed(99)
    assert torch.equal(Conditioning(8).frequencies, layer.frequencies)


def test_position_depends_on_the_frame_alone():
    layer = Position(8)
    assert torch.equal(layer(20)[:5], layer(5))
    assert len(layer(5000).unique(dim=0)) == 5000


def test_a_residual_block_begins_as_its_skip():
    x = noise(2, 16, 10)
    assert torch.equal(ResBlock(16, 16, 8)(x, noise(2, 8)), x)
    wider = ResBlock(16, 32, 8)
    assert torch.equal(wider(x, noise(2, 8)), wider.skip(x))


def test_rotary_keeps_lengths_and_makes_products_depend_on_distance_alone():
    x, rotary = noise(1, 1, 12, 8), rotary_angles(12, 8, torch.device("cpu"))
    torch.testing.assert_close(apply_rotary(x, rotary).norm(dim=-1), x.norm(dim=-1))
    q, k = noise(8, seed=1), noise(8, seed=2)
    rotated_q, rotated_k = apply_rotary(q.expand(12, 8), rotary), apply_rotary(k.expand(12, 8), rotary)
    products = rotated_q @ rotated_k.T
    torch.testing.assert_close(products.diagonal(3), products[0, 3].expand(9))
    assert not torch.allclose(products[0, 3], products[0, 0])


def test_attention_begins_with_no_effect_and_then_reaches_everywhere():
    torch.manual_seed(0)
    layer, rotary = RotaryAttention(128), rotary_angles(9, HEAD_WIDTH, torch.device("cpu"))
    x = noise(2, 9, 128)
    assert not layer(x, rotary).any()
    torch.nn.init.normal_(layer.out.weight)
    changed = x.clone()
    changed[:, 8] += 1
    assert not torch.allclose(layer(changed, rotary)[:, 0], layer(x, rotary)[:, 0])
