"""Cost of a network: parameters and multiply-adds, counted rather than estimated."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def parameters(module: nn.Module) -> int:
    """Count the numbers in the weights, frozen or not; a tensor that layers share counts once."""
    return sum(parameter.numel() for parameter in module.parameters())


def multiply_adds(module: nn.Module, *inputs: Any, **keywords: Any) -> int:
    """Count the multiply-adds of one call `module(*inputs, **keywords)`.

    Convolutions (plain and transposed), linear layers, matrix products and attention count, which are nearly
    all of the work; norms, activations and other arithmetic per element do not. The call is run once,
    without gradients.
    """
    # The plain form of attention is two matrix products, which are counted on every device and version.
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        module(*inputs, **keywords)
    return int(counter.get_total_flops()) // 2
