"""Texture: how far the lines of a long spectrum stand out of their neighbourhood, all through the sound.

Metal has hundreds of partials; which ones they are, no network need learn. What it learns is how much they
stand out, band by band (the *relief*); which lines do is drawn with the noise. A sound that was encoded keeps
its own lines. Noise of a few blocks has lines that stand out by chance: the log of a chi-square mean of n
degrees has the variance `trigamma(n / 2)`, and only what exceeds that counts.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LINES = 1024
GROUPS = 16
REACH = 16  # neighbours on either side
EMPHASIS = 1.5  # of drawn lines: what short blocks blur again, measured on hats and cymbals
STARTS, WHOLE = 0.023, 0.069  # seconds: lines fade in from the one to the other, attacks stay sharp


def measured(spectrum: Tensor, loudness: Tensor) -> tuple[Tensor, Tensor]:
    """Lines `[B, 1024]`, log gains, and relief `[B, 16]` of whitened MDCTs `[B, 1024, T]` of hop 1,024.

    `loudness` `[B, GROUPS, T]` says how much blocks count, group by group.
    """
    weight = loudness / loudness.sum(-1, keepdim=True).clamp(min=1e-9)
    weight[..., :2] = 0
    degrees = weight.sum(-1).square() / weight.square().sum(-1).clamp(min=1e-9)  # [B, GROUPS]
    power = (torch.unflatten(spectrum.square(), 1, (GROUPS, -1)) * weight[:, :, None]).sum(-1).flatten(1)
    padded = F.pad(power[:, None], (REACH, REACH), mode="reflect")
    around = F.avg_pool1d(padded, 2 * REACH + 1, stride=1)[:, 0]
    log = ((power + 1e-4) / (around + 1e-4)).log().clamp(-6, 6)
    grouped = torch.unflatten(log, 1, (GROUPS, -1))
    variance = grouped.var(-1)
    chance = torch.polygamma(1, (degrees / 2).clamp(min=0.5))
    excess = (variance - chance).clamp(min=0)
    relief = torch.where(degrees > 1, excess.sqrt(), torch.zeros_like(excess))
    kept = (excess / variance.clamp(min=1e-6)).sqrt()
    centred = (grouped - grouped.mean(-1, keepdim=True)) * kept[..., None]
    return centred.flatten(1), relief


def drawn(relief: Tensor, noise: Tensor) -> Tensor:
    """Lines `[B, 1024]` of that relief `[B, 16]` from standard normal noise `[B, 1024]`."""
    return (EMPHASIS * torch.unflatten(noise, 1, (GROUPS, -1)) * relief[..., None]).flatten(1)


def coloured(noise: Tensor, lines: Tensor, rate: float) -> Tensor:
    """White noise waves `[B, C, N]` with lines `[B, 1024]` (log power gains) once the attack is over.

    Lines keep the power of each group as it was.
    """
    length = noise.shape[-1]
    grouped = torch.unflatten(lines, 1, (GROUPS, -1))
    gain = (0.5 * (grouped - grouped.exp().mean(-1, keepdim=True).log())).exp().flatten(1)
    size = length + length % 2
    spectrum = torch.fft.rfft(F.pad(noise, (0, size - length)))
    bins = (torch.arange(spectrum.shape[-1], device=noise.device) * LINES / spectrum.shape[-1]).long()
    rung: Tensor = torch.fft.irfft(spectrum * gain[:, None, bins], n=size)[..., :length]
    time = torch.arange(length, device=noise.device) / rate
    share = ((time - STARTS) / (WHOLE - STARTS)).clamp(0, 1)
    # the two are not independent: their mean square is 1 only at the ends, and near enough between
    mixed: Tensor = noise * (1 - share) + rung * share
    return mixed
