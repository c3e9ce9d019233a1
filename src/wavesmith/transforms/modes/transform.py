"""The modes transform: a struck sound as damped modes, a picture of its noise, and the grain of that noise.

`encode` finds the modes, takes the picture of what is left, and divides it by its picture: the grain, of unit
variance. Nothing is lost: with its own grain a sound comes back to float precision. Without it, noise is
drawn afresh under the picture, which is what a network learns to paint. Serra & Smith 1990, "Spectral
modeling synthesis", and Verma & Meng 2000 split sounds alike; neither draws one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from wavesmith.transforms.modes import layout, picture, texture
from wavesmith.transforms.modes.analysis import analyse, ends
from wavesmith.transforms.modes.code import ModesCode
from wavesmith.transforms.modes.resonance import Resonances, fade
from wavesmith.transforms.spectral import Spectral

Noise = Callable[[Tensor], Tensor]  # standard normal noise, shaped like what it is given


class ModesConfig(BaseModel):
    """`low`, `high`: modes sought below and above 2.6 kHz. `rate`: samples a second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["modes"] = "modes"
    low: int = Field(default=12, ge=1, le=64)
    high: int = Field(default=8, ge=0, le=64)
    rate: int = Field(default=44_100, ge=4000, le=384_000)

    def build(self, channels: int) -> Modes:
        """Make the transform for 1 or 2 audio channels."""
        return Modes(channels, self.low, self.high, self.rate)


class Modes(nn.Module):
    """Waves `[B, C, N]`, C being 1 or 2, to `ModesCode` and to standardised rows `[B, D]`, and back.

    Attributes:
        modes: how many modes a sound has.
        parts: the layout of a row.
    """

    mean: Tensor  # of rows [D]
    deviation: Tensor  # of rows [D]

    def __init__(self, channels: int, low: int = 12, high: int = 8, rate: int = 44_100) -> None:
        super().__init__()
        self.channels, self.low, self.high, self.rate = channels, low, high, rate
        self.modes = low + high
        self.parts = layout.parts(self.modes, channels)
        self.size = layout.size(self.parts)
        self.register_buffer("mean", torch.zeros(self.size))
        self.register_buffer("deviation", torch.ones(self.size))
        self.short = Spectral(1, picture.HOP, power=1.0, attack=(picture.SPLIT,) * picture.ATTACK)
        for hop in (picture.HOP, picture.HOP // picture.SPLIT):
            setattr(self.short, f"slope_{hop}", picture.kaiser_slope(hop))
        self.long = Spectral(1, texture.LINES, power=1.0)

    @torch.no_grad()
    def encode(self, waves: Tensor) -> ModesCode:
        """The code of waves `[B, C, N]`, grain included; never fails, and never loses anything."""
        waves = torch.nan_to_num(waves.float())
        level = waves.abs().amax((1, 2)).clamp(min=1e-8)
        turned = rotated(waves / level[:, None, None])
        end = ends(turned, self.rate)
        modes, amplitude = analyse(turned, self.rate, low=self.low, high=self.high, end=end)
        amplitude = amplitude.clamp(-layout.LOUDEST, layout.LOUDEST)
        length = turned.shape[-1]
        rung = modes.sound(amplitude, length, self.rate) * fade(length, self.rate, end)
        spectrum = self._mdct(turned - rung)
        painted = picture.taken(spectrum, self._mdct(rung), end, picture.HOP / self.rate)
        whitened = spectrum / picture.gains(painted, self.channels, spectrum.shape[-1])
        lines, relief = self._texture(whitened, painted.body)
        return ModesCode(modes, amplitude, painted, relief, end, level, lines, whitened)

    @torch.no_grad()
    def decode(self, code: ModesCode, length: int, noise: Noise | None = None, fresh: float = 1.0) -> Tensor:
        """Waves `[B, C, length]` of a code.

        Args:
            code: what to make.
            length: samples of the waves.
            noise: draws the grain; None keeps the code's own, and so the sound that was encoded.
            fresh: how much of the grain is drawn where the code has its own, 0 (its own) to 1.

        Raises:
            ValueError: for a code without grain when no noise is given.
        """
        rung = torch.cat(
            [
                Resonances(*(part[one : one + 1] for part in code.modes)).sound(
                    code.amplitude[one : one + 1], length, self.rate
                )
                for one in range(len(code))  # one by one: each sound is the same in any company
            ]
        )
        rung = rung * fade(length, self.rate, code.end)
        blocks = -(-length // picture.HOP)
        gain = picture.gains(code.picture, self.channels, blocks)
        share = 0.0 if noise is None else fresh if code.grain is not None else 1.0
        grain = torch.zeros_like(gain)
        if share < 1:
            if code.grain is None:
                raise ValueError("A code without grain needs noise to be drawn.")
            own = picture_length(code.grain, blocks)
            grain = math.sqrt(1 - share**2) * own
        if noise is not None and share > 0:
            white = noise(gain.new_empty(len(code), self.channels, length))
            lines = code.lines
            if lines is None:
                lines = texture.drawn(code.relief, noise(gain.new_empty(len(code), texture.LINES)))
            drawn = self._mdct(texture.coloured(white, lines, self.rate))
            block = torch.arange(blocks, device=gain.device) * (picture.HOP / self.rate)
            within = (block[None] < code.end[:, None])[:, None, None]
            heard = gain.square() > 4 * picture.FLOOR
            if self.channels == 2:
                heard[:, 1] &= picture.sides(code.picture, blocks)
            grain = grain + share * drawn * (heard & within)
        waves = rung + self._imdct(grain * gain, length)
        return rotated(waves) * code.level[:, None, None]

    def rows(self, code: ModesCode) -> Tensor:
        """Standardised rows `[B, D]` of a code; see `layout`."""
        return (layout.packed(code) - self.mean) / self.deviation

    def code(self, rows: Tensor) -> ModesCode:
        """The code, without grain and of level 1, that standardised rows `[B, D]` stand for."""
        return layout.unpacked(rows.float() * self.deviation + self.mean, self.modes, self.channels)

    def fit(self, codes: Tensor) -> None:
        """Set the statistics of rows from rows `[S, D]` that are not standardised (`layout.packed`)."""
        self.mean.copy_(codes.mean(0))
        self.deviation.copy_(codes.std(0).clamp(min=1e-2))

    def _texture(self, whitened: Tensor, body: Tensor) -> tuple[Tensor, Tensor]:
        length = whitened.shape[-1] * picture.HOP
        middle = self.short.imdct(whitened[:, 0].clamp(-30, 30), length)
        spectrum = self.long.mdct(middle)
        blocks = spectrum.shape[-1]
        # the loudness of each group of lines while a long block lasts: root of the power of its bands
        bands = torch.tensor(picture.BAND_EDGES[:-1], device=body.device)
        width = picture.HOP // texture.GROUPS
        power = body.exp() @ picture.between(picture.TIME_EDGES, blocks * 8).to(body)
        power = torch.unflatten(power, -1, (blocks, 8)).mean(-1)
        place = torch.arange(texture.GROUPS, device=body.device) * width + width // 2
        band = (torch.searchsorted(bands, place, right=True) - 1).clamp(min=0)
        heard = power[:, band] > 16 * picture.FLOOR
        return texture.measured(spectrum, power[:, band].sqrt() * heard)

    def _mdct(self, waves: Tensor) -> Tensor:
        """`[B, C, N]` to `[B, C, 128, T]`."""
        flat = self.short.mdct(waves.flatten(0, 1)[:, None])
        return torch.unflatten(flat, 0, waves.shape[:2])

    def _imdct(self, spectrum: Tensor, length: int) -> Tensor:
        return torch.unflatten(self.short.imdct(spectrum.flatten(0, 1), length), 0, spectrum.shape[:2])[
            :, :, 0
        ]


def rotated(waves: Tensor) -> Tensor:
    """Left and right to the middle and the side, and back; one channel stays as it is."""
    if waves.shape[1] == 1:
        return waves
    left, right = waves[:, :1], waves[:, 1:]
    return torch.cat([left + right, left - right], dim=1) * math.sqrt(0.5)


def picture_length(grain: Tensor, blocks: int) -> Tensor:
    """A grain `[B, C, 128, T]` cut or filled with nothing to so many blocks."""
    return torch.nn.functional.pad(grain[..., :blocks], (0, max(0, blocks - grain.shape[-1])))
