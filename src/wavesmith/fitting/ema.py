"""Power-function averages of the weights, several widths at once.

Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion models" (EDM2), section 3.1:
at step t the average moves to the weights by 1 - beta with beta = (1 - 1/t)^(gamma + 1), so that its memory
grows with the training and needs no warm-up. A relative width is its memory: the standard deviation of
its weighting over time, as a share of the training so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


def exponent(width: float) -> float:
    """Return the gamma of a relative width (EDM2, eq. 127 and listing 2): largest real root of a cubic."""
    inverse = width**-2
    return float(np.roots([1, 7, 16 - inverse, 12 - inverse]).real.max())


class PowerAverages:
    """One running average of a module's parameters for each width.

    Buffers (statistics of transforms, constants) are not averaged; they do not train.
    """

    def __init__(self, module: nn.Module, widths: Sequence[float]) -> None:
        self.steps = 0
        self.averages = {width: [p.detach().clone() for p in module.parameters()] for width in widths}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Update the averages by the weights after an optimizer step."""
        self.steps += 1
        parameters = [p.detach() for p in module.parameters()]
        self._follow(parameters[0].device)
        for width, average in self.averages.items():
            share = 1 - (1 - 1 / self.steps) ** (exponent(width) + 1)
            torch._foreach_lerp_(average, parameters, share)

    @contextmanager
    def applied(self, module: nn.Module, width: float) -> Iterator[None]:
        """Run the module with the average of that width in this context, in evaluation mode."""
        was_training = module.training
        self._swap(module, width)
        module.eval()
        try:
            yield
        finally:
            module.train(was_training)
            self._swap(module, width)

    def _swap(self, module: nn.Module, width: float) -> None:
        parameters = list(module.parameters())
        self._follow(parameters[0].device)
        for parameter, average in zip(parameters, self.averages[width], strict=True):
            parameter.data, average.data = average.data, parameter.data

    def _follow(self, device: torch.device) -> None:
        """Move the averages to the device of the weights, which may have changed since."""
        self.averages = {width: [p.to(device) for p in average] for width, average in self.averages.items()}

    def state(self) -> dict[str, Any]:
        """Return everything needed to resume, as plain values and tensors."""
        return {"steps": self.steps, "averages": {str(w): list(a) for w, a in self.averages.items()}}

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`; KeyError, ValueError or RuntimeError if it is of other widths or weights."""
        for width, average in self.averages.items():
            for ours, theirs in zip(average, state["averages"][str(width)], strict=True):
                ours.copy_(theirs)
        self.steps = int(state["steps"])
