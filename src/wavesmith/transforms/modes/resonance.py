"""Damped sinusoids in warped time: what a struck thing rings with.

A mode is `exp(-decay t) (a cos(2 pi f w(t)) + b sin(2 pi f w(t)))`. All modes of a sound share the warped
time `w(t) = t + sum of glide tau (1 - exp(-t / tau))`, whose rate falls from `1 + sum of glides` to 1, soon
for the first glide and slowly for the second: a membrane is tighter while it swings wide (Fletcher & Rossing,
"The Physics of Musical Instruments"), and drum machines copied that. With a glide one mode is enough for a
sweep that would otherwise take many that cancel each other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

RISE = 0.0007  # seconds in which modes fade in at the onset
FADE = 0.005  # seconds in which they fade out before the end
_BLOCK = 128
_PIECE = 4096
_SLIP = 0.3  # radians
_SILENT = 30.0  # nepers after which a mode stays where it is: far smaller numbers are slow to compute with


class Resonances(NamedTuple):
    """Modes of B sounds.

    Attributes:
        frequency: Hz, `[B, M]`.
        decay: 1/s, amplitudes fall as `exp(-decay t)`, `[B, M]`.
        glide: how far all frequencies start above where they end, as shares, quick and slow, `[B, 2]`.
        tau: seconds in which these fall to 1/e, `[B, 2]`.
        onset: seconds before the modes begin, `[B]`.
    """

    frequency: Tensor
    decay: Tensor
    glide: Tensor
    tau: Tensor
    onset: Tensor

    def warped(self, time: Tensor) -> Tensor:
        """Warped time `[B, N]` at seconds after the onset `[B, N]`."""
        warped = time
        for glide, tau in zip(self.glide.T[..., None], self.tau.T[..., None], strict=True):
            warped = warped + glide * tau * (1 - torch.exp(-time.clamp(min=0) / tau))
        return warped

    def basis(self, length: int, rate: float, start: int = 0) -> Tensor:
        """Cosines, then sines, of unit amplitude, `[B, 2 M, length]`, from sample `start` on."""
        samples = torch.arange(start, start + length, device=self.frequency.device)
        time = samples / rate - self.onset[:, None]
        angle = 2 * math.pi * self.frequency[:, :, None] * self.warped(time)[:, None]
        fallen = (self.decay[:, :, None] * time.clamp(min=0)[:, None]).clamp(max=_SILENT)
        envelope = torch.exp(-fallen) * rise(time)[:, None]
        out = angle.new_empty(len(angle), 2 * angle.shape[1], length)
        cos, sin = out.chunk(2, dim=1)
        torch.mul(envelope, angle.cos(), out=cos)
        torch.mul(envelope, angle.sin_(), out=sin)
        return out

    def sound(self, amplitude: Tensor, length: int, rate: float) -> Tensor:
        """Waves `[B, C, length]` of amplitudes `[B, C, 2 M]` (of cosines, then sines).

        Once the glide is nearly over, a damped sinusoid from block to block is one complex factor, and the
        sum over modes a product of two small matrices; what is left of the glide is a Taylor series of it.
        """
        head = min(length, self._gliding(amplitude, length, rate))
        pieces = [
            amplitude @ self.basis(min(_PIECE, head - start), rate, start) for start in range(0, head, _PIECE)
        ]
        begun = torch.cat([amplitude.new_zeros(*amplitude.shape[:2], 0), *pieces], dim=-1)
        if head == length:
            return begun
        blocks = -(-(length - head) // _BLOCK)
        middle = head + _BLOCK * (torch.arange(blocks, device=amplitude.device) + 0.5)
        time = middle / rate - self.onset[:, None]  # [B, blocks]
        within = (torch.arange(_BLOCK, device=amplitude.device) - _BLOCK / 2) / rate
        turn = 2 * math.pi * self.frequency[:, :, None]
        damp = -self.decay[:, :, None]
        fallen = (damp * time[:, None]).clamp(min=-_SILENT).exp()
        blockwise = torch.polar(fallen, turn * self.warped(time)[:, None])
        sample = torch.polar((damp * within).exp(), turn * within)  # [B, M, block]
        cos, sin = amplitude.chunk(2, dim=-1)
        spun = torch.complex(cos, -sin)[..., None] * blockwise[:, None]  # [B, C, M, blocks]
        slip = 1j * (turn * self.hurry(time)[:, None])[:, None]
        left = torch.cat([spun, spun * slip, 0.5 * spun * slip.square()], dim=2).transpose(-1, -2)
        right = torch.cat([sample, sample * within, sample * within.square()], dim=1)
        left, right = torch.cat([left.real, -left.imag], dim=-1), torch.cat([right.real, right.imag], dim=1)
        return torch.cat([begun, (left @ right[:, None]).flatten(-2)[..., : length - head]], dim=-1)

    def hurry(self, time: Tensor) -> Tensor:
        """How much faster than in the end warped time runs at seconds after the onset, as a share."""
        glides = zip(self.glide.T[..., None], self.tau.T[..., None], strict=True)
        return sum((g * torch.exp(-time.clamp(min=0) / tau) for g, tau in glides), torch.zeros_like(time))

    def _gliding(self, amplitude: Tensor, length: int, rate: float) -> int:
        """Samples after which no mode that is still heard slips by much within half a block."""
        steps = torch.arange(0, length + _PIECE // 4, _PIECE // 4, device=amplitude.device)
        time = steps / rate - self.onset[:, None]
        cos, sin = amplitude.abs().amax(1).chunk(2, dim=-1)
        loud = torch.maximum(cos, sin)
        heard = loud[:, :, None] * torch.exp(-self.decay[:, :, None] * time[:, None].clamp(min=0))
        heard = heard > 1e-4 * loud.amax().clamp(min=1e-9)
        slip = 2 * math.pi * self.frequency[:, :, None] * self.hurry(time)[:, None] * (_BLOCK / 2 / rate)
        busy = ((slip.abs() > _SLIP) & heard).any(1) | (time < RISE)
        last = (busy.any(0) * torch.arange(1, len(steps) + 1, device=busy.device)).max()
        return int(steps[min(int(last), len(steps) - 1)])


def rise(time: Tensor) -> Tensor:
    """From 0 at the onset to 1 within `RISE` seconds, a quarter of a sine squared."""
    return torch.sin(math.pi / 2 * (time / RISE).clamp(0, 1)).square()


def fade(length: int, rate: float, end: Tensor) -> Tensor:
    """Gain `[B, 1, length]` that is 0 from `end` seconds `[B]` on, and 1 until `FADE` before it."""
    time = torch.arange(length, device=end.device) / rate
    return ((end[:, None] - time) / FADE).clamp(0, 1)[:, None]
