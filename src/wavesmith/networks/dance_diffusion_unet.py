"""Dance Diffusion's network, `DiffusionAttnUnet1D` (Harmonai 2022), stable-audio-tools' `DAU1d`.

Deep U-Net over samples: residual blocks of wide convolutions at every octave of resolution, attention at
the lowest ones. Its peculiarities, kept so that weights trained elsewhere mean the same here:

* The noise level enters with the input only, as sixteen constant channels.
* A group norm has one group: it spans all channels and the whole sound.
* Resolutions differ by two and are changed by a fixed filter of eight taps; upsampled features and skip
  connections are concatenated in that order, not added.

Inside, channels come last, `[B, T, C]`: convolutions are faster that way.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks import winograd
from wavesmith.networks.layers import pad_reflected
from wavesmith.networks.network import Network, NetworkConfigBase

HEAD_WIDTH = 32
NOISE_FEATURES = 8  # frequencies; each gives a cosine and a sine

# Symmetric cubic half-band low-pass with gain 1.
FILTER = np.array([-3, -9, 29, 111, 111, 29, -9, -3], np.float32) / 256
_FILTER_BLOCK = 8  # frames that one matrix product filters


class DanceDiffusionConfig(NetworkConfigBase):
    """Configuration of `DanceDiffusion`; the defaults are those of all six official models.

    Attributes:
        channels: width of each level, outermost first.
        attentions: number of innermost levels with attention.
        kernel: taps of the convolutions, an odd number.
        bias: whether the convolutions have a bias.
    """

    kind: Literal["dance_diffusion"] = "dance_diffusion"
    channels: tuple[PositiveInt, ...] = Field(
        default=(128, 128, 256, 256, *(512,) * 10), min_length=2, max_length=24
    )
    attentions: int = Field(default=6, ge=0)
    kernel: int = Field(default=5, ge=1, le=63)
    bias: bool = True

    @model_validator(mode="after")
    def _can_be_built(self) -> DanceDiffusionConfig:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd; {self.kernel} is not")
        if self.attentions >= len(self.channels):
            raise ValueError(f"attentions must be below the number of channels ({len(self.channels)})")
        attending = self.channels[len(self.channels) - self.attentions - 1 :] if self.attentions else ()
        if odd := [width for width in attending if width % HEAD_WIDTH]:
            raise ValueError(f"channels that attend must be multiples of {HEAD_WIDTH}; {odd[0]} is not")
        return self

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> DanceDiffusion:
        """Build the network for `features` channels of a transform."""
        return DanceDiffusion(self, features, outputs, labels, augments)


class DanceDiffusion(Network):
    """Dance Diffusion's U-Net; input of any length is padded by reflection to whole strides and cut back."""

    def __init__(
        self, config: DanceDiffusionConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.stride = 2 ** (len(config.channels) - 1)
        self.noise = NoiseChannels(labels, augments)
        self.unet = OctaveLevel(config, 0, features + 2 * NOISE_FEATURES, outputs * features)
        with torch.no_grad():  # the original's initialisation, for small outputs
            for parameter in self.unet.parameters():
                parameter.mul_(0.5)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Return the raw output, see `Network.forward`; `c_noise` is the angle, 0 to 1."""
        frames = x.shape[-1]
        # Filters look up to three frames beyond the ends, at the lowest resolution, too.
        whole = max(-(-frames // self.stride), 3) * self.stride
        h = pad_reflected(x, whole).transpose(1, 2)
        noise = self.noise(c_noise, label, augment)
        h = torch.cat([h, noise[:, None].expand(-1, whole, -1)], dim=-1)
        out: Tensor = self.unet(h)
        return out[:, :frames].transpose(1, 2)


class NoiseChannels(nn.Module):
    """Noise level, label and augmentation as channels `[B, 16]`, the same at every frame.

    The original has the noise level alone: sinusoids of learned frequencies. Labels and augmentations are
    added, the latter with no effect at first (Karras et al. 2022, section 5).
    """

    def __init__(self, labels: int, augments: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(NOISE_FEATURES))
        self.label = nn.Linear(labels, 2 * NOISE_FEATURES, bias=False) if labels else None
        self.augment = nn.Linear(augments, 2 * NOISE_FEATURES, bias=False) if augments else None
        if self.augment is not None:
            nn.init.zeros_(self.augment.weight)

    def forward(self, c_noise: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Embed noise levels `[B]`, label weights `[B, L]` and augmentations `[B, A]` in `[B, 16]`."""
        angle = 2 * math.pi * c_noise[:, None] * self.frequencies
        noise = torch.cat([angle.cos(), angle.sin()], dim=1)
        if self.label is not None and label is not None:
            noise = noise + self.label(label)
        if self.augment is not None and augment is not None:
            noise = noise + self.augment(augment)
        return noise


class OctaveLevel(nn.Module):
    """One octave of resolution and, inside it, all the lower ones."""

    def __init__(self, config: DanceDiffusionConfig, depth: int, inputs: int, outputs: int) -> None:
        super().__init__()
        width, levels = config.channels[depth], len(config.channels)
        attends = depth >= levels - config.attentions

        def blocks(widths: list[tuple[int, int]], last: bool = False) -> nn.Sequential:
            blocks: list[nn.Module] = []
            for number, (before, after) in enumerate(widths):
                blocks.append(ResConvBlock(config, before, width, after, last and number + 1 == len(widths)))
                if attends:
                    blocks.append(SelfAttention1d(after))
            return nn.Sequential(*blocks)

        deepest = depth + 1 == levels
        self.before = blocks([(inputs, width), (width, width), (width, width)])
        self.inner = None if deepest else OctaveLevel(config, depth + 1, width, width)
        joined = width if deepest else 2 * width
        self.after = blocks([(joined, width), (width, width), (width, outputs)], last=depth == 0)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, T, inputs]`, T a multiple of the strides from here down, to `[B, T, outputs]`."""
        h: Tensor = self.before(x)
        if self.inner is not None:
            h = torch.cat([upsample(self.inner(downsample(h))), h], dim=-1)
        out: Tensor = self.after(h)
        return out


class ResConvBlock(nn.Module):
    """Residual block: twice convolution, norm and GELU; `last` leaves the second norm and GELU out."""

    def __init__(
        self, config: DanceDiffusionConfig, inputs: int, width: int, outputs: int, last: bool
    ) -> None:
        super().__init__()
        kernel, bias = config.kernel, config.bias
        self.conv1 = nn.Conv1d(inputs, width, kernel, padding=kernel // 2, bias=bias)
        self.norm1 = nn.GroupNorm(1, width)
        self.conv2 = nn.Conv1d(width, outputs, kernel, padding=kernel // 2, bias=bias)
        self.norm2 = None if last else nn.GroupNorm(1, outputs)
        self.skip = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, T, inputs]` to `[B, T, outputs]`."""
        if winograd.is_supported(x):
            return winograd.map_items(self._forward_winograd, x)
        h = F.gelu(_norm_channels_last(self.norm1, _conv_channels_last(self.conv1, x)))
        h = _conv_channels_last(self.conv2, h)
        if self.norm2 is not None:
            h = F.gelu(_norm_channels_last(self.norm2, h))
        out: Tensor = h + self.skip(x)
        return out

    def _forward_winograd(self, x: Tensor) -> Tensor:
        """Compute `forward` for one item `[T, inputs]` with fewer multiplications."""
        h, moments = winograd.convolve(x, self.conv1)
        h, moments = winograd.convolve(h, self.conv2, before=moments.affine(self.norm1))
        skip: Tensor = self.skip(x)
        return h + skip if self.norm2 is None else winograd.activate(h, moments.affine(self.norm2), skip)


class SelfAttention1d(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017) without positions, over `[B, T, width]`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.norm = nn.GroupNorm(1, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Add to frames `[B, T, width]` the result of their attention to each other."""
        qkv = self.qkv(_norm_channels_last(self.norm, x)).unflatten(-1, (3, self.heads, HEAD_WIDTH))
        mixed = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4).unbind())
        out: Tensor = x + self.out(mixed.transpose(1, 2).flatten(2))
        return out


def _conv_channels_last(conv: nn.Conv1d, x: Tensor) -> Tensor:
    """Convolve `[B, T, C]`."""
    y: Tensor = conv(x.transpose(1, 2))
    return y.transpose(1, 2)


def _norm_channels_last(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """Apply a group norm of one group to `[B, T, C]`: over all frames and channels."""
    return F.layer_norm(x, x.shape[1:], eps=norm.eps) * norm.weight + norm.bias


def downsample(x: Tensor) -> Tensor:
    """Halve the rate: `[B, T, C]` to `[B, T / 2, C]`."""
    count = math.gcd(x.shape[1] // 2, _FILTER_BLOCK)
    return _filtered(_reflected(x, 3), _down(count), 2 * count)


def upsample(x: Tensor) -> Tensor:
    """Double the rate: `[B, T, C]` to `[B, 2 T, C]`."""
    count = math.gcd(x.shape[1], _FILTER_BLOCK)
    return _filtered(_reflected(x, 2), _up(count), count)


def _filtered(x: Tensor, matrix: NDArray[np.float32], step: int) -> Tensor:
    """Multiply windows of frames, `step` apart, by a matrix `[n, window]` that gives n frames for each."""
    windows = x.unfold(1, matrix.shape[1], step).mT
    batch, count = windows.shape[:2]
    rows = torch.from_numpy(matrix).to(x).expand(batch * count, -1, -1)
    return torch.bmm(rows, windows.flatten(0, 1)).view(batch, -1, x.shape[2])


def _reflected(x: Tensor, count: int) -> Tensor:
    """Pad both ends with `count` reflected frames; the outermost is not repeated."""
    return torch.cat([x[:, 1 : count + 1].flip(1), x, x[:, -count - 1 : -1].flip(1)], dim=1)


@cache
def _down(count: int) -> NDArray[np.float32]:
    """Return rows of taps, each two frames after the one before: `[count, 2 * count + 6]`."""
    matrix = np.zeros((count, 2 * count + 6), np.float32)
    for frame, row in enumerate(matrix):
        row[2 * frame : 2 * frame + 8] = FILTER
    return matrix


@cache
def _up(count: int) -> NDArray[np.float32]:
    """Return the transposed filter at twice the gain: `[2 * count, count + 4]`."""
    matrix = np.zeros((2 * count, count + 4), np.float32)
    for frame in range(count):
        matrix[2 * frame, frame : frame + 4] = 2 * FILTER[::-2]
        matrix[2 * frame + 1, frame + 1 : frame + 5] = 2 * FILTER[-2::-2]
    return matrix
