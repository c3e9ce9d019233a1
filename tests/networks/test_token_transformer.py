import torch

from wavesmith.networks.token_transformer import TokenTransformerConfig

PARTS = (("whole", 1, 5), ("modes", 6, 4), ("times", 3, 600))
SIZE = 5 + 24 + 1800


def network(seed=0):
    torch.manual_seed(seed)
    net = TokenTransformerConfig(width=64, depth=2, dropout=0.0).build(PARTS, labels=3, extras=2).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return net


def test_begins_at_zero():
    net = TokenTransformerConfig(width=64, depth=1).build(PARTS)
    assert not net(torch.randn(2, SIZE), torch.zeros(2)).any()


def test_every_condition_matters():
    net, x, level = network(), torch.randn(2, SIZE), torch.zeros(2)
    plain = net(x, level)
    assert plain.shape == x.shape
    label = torch.nn.functional.one_hot(torch.tensor([0, 2]), 3).float()
    for changed in (
        net(x, level + 0.3),
        net(x, level, label=label),
        net(x, level, augment=torch.ones(2, 2)),
    ):
        assert not torch.allclose(plain, changed, atol=1e-5)


def test_every_token_hears_every_other():
    net, x = network(), torch.randn(1, SIZE, requires_grad=True)
    net(x, torch.zeros(1))[0, 0].backward()
    assert bool((x.grad != 0).all())


def test_half_precision_keeps_the_type_of_its_rows():
    net = network().bfloat16()
    net.condition.float()
    assert net(torch.randn(1, SIZE), torch.zeros(1)).dtype == torch.float32


def test_a_second_row_is_heard():
    torch.manual_seed(0)
    net = TokenTransformerConfig(width=64, depth=1, inputs=2).build(PARTS).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    x, other = torch.randn(1, SIZE), torch.randn(1, SIZE)
    first = net(torch.cat([x, x], dim=1), torch.zeros(1))
    assert first.shape == (1, SIZE)
    assert not torch.allclose(first, net(torch.cat([x, other], dim=1), torch.zeros(1)), atol=1e-5)
