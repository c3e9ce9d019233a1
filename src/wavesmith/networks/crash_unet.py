"""U-Net of CRASH (Rouard & Hadjeres, ISMIR 2021, arXiv:2106.07431): drums of mono samples.

Dilated convolutions at five resolutions, no norms, no attention. The noise level scales and shifts the first
convolution of each level on the way down. Its peculiarities, kept so that weights trained elsewhere mean the
same here:

* The noise level enters as the deviation in the variance-preserving form, `sin(pi t / 2)`.
* Resolutions are changed by taking every n-th frame and by repeating frames.
* The deepest level's features are concatenated with themselves, in place of a skip connection.
"""

from __future__ import annotations

import math
from itertools import chain, pairwise
from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import pad_reflected
from wavesmith.networks.network import Network, NetworkConfigBase

FREQUENCIES = 32
EMBEDDING = (128, 256, 512)
DILATIONS = (1, 2, 4, 8)
_FREQUENCY_DEVIATION = 16.0
_SLOPE = 0.2  # of the leaky ReLU


class CrashUNetConfig(NetworkConfigBase):
    """Configuration of `CrashUNet`; the defaults are CRASH's.

    Attributes:
        inlet: width at full rate.
        widths: width of each level, outermost first.
        factors: factor by which each level divides the rate.
    """

    kind: Literal["crash_unet"] = "crash_unet"
    inlet: PositiveInt = 32
    widths: tuple[PositiveInt, ...] = Field(default=(128, 128, 256, 512, 512), min_length=1)
    factors: tuple[PositiveInt, ...] = (2, 2, 3, 5, 5)

    @model_validator(mode="after")
    def _levels_agree(self) -> CrashUNetConfig:
        if len(self.factors) != len(self.widths):
            raise ValueError(f"factors has {len(self.factors)} entries, but widths has {len(self.widths)}")
        return self

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> CrashUNet:
        """Build the network for `features` channels of a transform."""
        return CrashUNet(self, features, outputs, labels, augments)


class CrashUNet(Network):
    """CRASH's U-Net; input of any length is padded by reflection to whole strides and cut back."""

    def __init__(
        self, config: CrashUNetConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        widths, factors = config.widths, config.factors
        self.stride = math.prod(factors)
        self.noise = NoiseEmbedding(labels, augments)
        self.proj_in = nn.Conv1d(features, config.inlet, 5, padding=2)
        self.down = nn.ModuleList(
            DownBlock(before, after, factor)
            for (before, after), factor in zip(pairwise((config.inlet, *widths)), factors, strict=True)
        )
        self.up = nn.ModuleList(
            UpBlock(before, after, factor)
            for (after, before), factor in zip(pairwise((widths[0], *widths)), factors, strict=True)
        )
        self.proj_out = nn.Conv1d(widths[0], outputs * features, 3, padding=1)
        convs = (module for module in self.modules() if isinstance(module, nn.Conv1d))
        for parameter in chain.from_iterable(conv.parameters() for conv in convs):  # as the original begins
            begin = nn.init.orthogonal_ if parameter.ndim > 1 else nn.init.zeros_
            begin(parameter)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Return the raw output, see `Network.forward`; `c_noise` is the angle, 0 to 1."""
        frames = x.shape[-1]
        noise = self.noise(c_noise, label, augment)
        h = self.proj_in(pad_reflected(x, -(-frames // self.stride) * self.stride))
        skips = []
        for down in self.down:
            h = down(h, noise)
            skips.append(h)
        for up in reversed(self.up):
            h = up(h, skips.pop())
        out: Tensor = self.proj_out(h)
        return out[..., :frames]


class NoiseEmbedding(nn.Module):
    """Embedding of noise level, label and augmentation, `[B, 512]`.

    The original embeds the noise level alone: sinusoids of fixed random frequencies, then three layers.
    Labels and augmentations are added, the latter with no effect at first (Karras et al. 2022, section 5).
    """

    frequencies: Tensor

    def __init__(self, labels: int, augments: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", _FREQUENCY_DEVIATION * torch.randn(FREQUENCIES))
        self.layers = nn.ModuleList(nn.Linear(*sizes) for sizes in pairwise((2 * FREQUENCIES, *EMBEDDING)))
        self.label = nn.Linear(labels, EMBEDDING[-1], bias=False) if labels else None
        self.augment = nn.Linear(augments, EMBEDDING[-1], bias=False) if augments else None
        if self.augment is not None:
            nn.init.zeros_(self.augment.weight)

    def forward(self, c_noise: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Embed noise levels `[B]`, label weights `[B, L]` and augmentations `[B, A]` in `[B, 512]`."""
        deviation = torch.sin(math.pi / 2 * c_noise)
        angle = 2 * math.pi * deviation[:, None] * self.frequencies
        noise = torch.cat([angle.sin(), angle.cos()], dim=1)
        for layer in self.layers:
            noise = F.relu(layer(noise))
        if self.label is not None and label is not None:
            noise = noise + self.label(label)
        if self.augment is not None and augment is not None:
            noise = noise + self.augment(augment)
        return noise


class DownBlock(nn.Module):
    """Downsampling by taking every n-th frame, then dilated convolutions."""

    def __init__(self, inputs: int, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.modulation = nn.Linear(EMBEDDING[-1], 2 * width)
        self.convs = _dilated(inputs, width)
        self.skip = nn.Conv1d(inputs, width, 1)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Map `[B, inputs, T]` with the noise embedding `[B, 512]` to `[B, width, T / n]`."""
        x = x[..., :: self.factor]
        scale, shift = self.modulation(noise)[..., None].chunk(2, dim=1)
        h = scale * self.convs[0](F.leaky_relu(x, _SLOPE)) + shift
        for conv in self.convs[1:]:
            h = conv(F.leaky_relu(h, _SLOPE))
        out: Tensor = h + self.skip(x)
        return out


class UpBlock(nn.Module):
    """Upsampling by repeating every frame n times, then dilated convolutions."""

    def __init__(self, inputs: int, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.convs = _dilated(2 * inputs, width)
        self.skip = nn.Conv1d(inputs, width, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map `[B, inputs, T]`, joined with the skip connection of the same shape, to `[B, width, n * T]`."""
        h = F.leaky_relu(torch.cat([x, skip], dim=1), _SLOPE).repeat_interleave(self.factor, dim=-1)
        for conv in self.convs:
            h = conv(F.leaky_relu(h, _SLOPE))
        out: Tensor = h + self.skip(x).repeat_interleave(self.factor, dim=-1)
        return out


def _dilated(inputs: int, width: int) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Conv1d(before, width, 3, dilation=dilation, padding=dilation)
        for before, dilation in zip((inputs, width, width, width), DILATIONS, strict=True)
    )
