from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.cost import multiply_adds, parameters


def test_a_shared_layer_has_its_parameters_once() -> None:
    layer = nn.Linear(3, 5)
    assert parameters(nn.Sequential(layer, layer)) == 3 * 5 + 5


def test_frozen_parameters_count_and_buffers_do_not() -> None:
    network = nn.Sequential(nn.Linear(3, 5).requires_grad_(False), nn.BatchNorm1d(5, affine=False))
    assert parameters(network) == 3 * 5 + 5


def test_linear_layers() -> None:
    assert multiply_adds(nn.Linear(3, 5), torch.zeros(7, 3)) == 7 * 3 * 5
    assert multiply_adds(nn.Linear(3, 5, bias=False), torch.zeros(2, 7, 3)) == 2 * 7 * 3 * 5


def test_convolutions() -> None:
    wave = torch.zeros(2, 4, 30)
    assert multiply_adds(nn.Conv1d(4, 6, 5, padding=2), wave) == 2 * 30 * 6 * 4 * 5
    assert multiply_adds(nn.Conv1d(4, 6, 5, stride=5, bias=False), wave) == 2 * 6 * 6 * 4 * 5
    assert multiply_adds(nn.Conv1d(4, 6, 3, groups=2, padding=1), wave) == 2 * 30 * 6 * 2 * 3
    assert multiply_adds(nn.Conv2d(4, 6, 3, padding=1), torch.zeros(1, 4, 8, 9)) == 8 * 9 * 6 * 4 * 9


def test_transposed_convolutions_cost_every_product_of_an_input_sample() -> None:
    wave = torch.zeros(2, 4, 30)
    assert multiply_adds(nn.ConvTranspose1d(4, 6, 8, stride=8), wave) == 2 * 30 * 4 * 6 * 8
    assert multiply_adds(nn.ConvTranspose1d(4, 6, 16, stride=8, bias=False), wave) == 2 * 30 * 4 * 6 * 16


class Attend(nn.Module):
    def forward(self, q: Tensor, *, context: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, context, context)


def test_attention_is_two_matrix_products() -> None:
    query, context = torch.zeros(2, 3, 10, 8), torch.zeros(2, 3, 12, 8)
    assert multiply_adds(Attend(), query, context=context) == 2 * (2 * 3 * 10 * 12 * 8)


def test_counting_leaves_no_gradients() -> None:
    layer = nn.Linear(3, 5)
    multiply_adds(layer, torch.zeros(1, 3, requires_grad=True))
    assert layer.weight.grad is None
