"""Spectral transform: a lapped orthogonal transform, whitened and companded.

Three steps, each exactly invertible:

1. *Mid/side* (stereo only), an orthonormal rotation: most drums are in the middle.
2. *MDCT*: the sine-window modified discrete cosine transform (Princen & Bradley 1986; Malvar 1992), as
   butterflies across block boundaries followed by a DCT-IV inside each block. The outer two boundaries have
   no butterfly, so N samples give exactly N/hop blocks, the transform is orthonormal to the last sample,
   and an onset at sample 0 is not smeared in front of itself. Blocks of different lengths may follow each
   other (Edler 1989): across their boundary the butterfly is as short as the shorter of them.
3. *Whitening and companding*: each band is divided by its rms over the training data, raised to a signed
   power, and divided again by the rms of that. Every band then has the same weight in the loss, and errors
   in this space follow the signal: it masks them, and silence stays silent.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from wavesmith.transforms.base import Transform, TransformConfigBase, constant


class SpectralConfig(TransformConfigBase):
    """Configuration of `Spectral`.

    Attributes:
        hop: samples and bands per frame.
        power: companding exponent; 1 is linear.
        attack: number of short blocks into which each of the first frames is split. One-shots begin at
            sample 0: short blocks there keep the attack sharp, long ones later keep ringing tones pure.
    """

    kind: Literal["spectral"] = "spectral"
    hop: int = Field(default=128, ge=8, le=4096, multiple_of=2)
    power: float = Field(default=0.5, gt=0, le=1)
    attack: tuple[int, ...] = Field(default=(), max_length=64)

    @model_validator(mode="after")
    def _splits_are_even(self) -> SpectralConfig:
        for split in self.attack:
            if not 1 <= split <= self.hop // 4 or self.hop % (2 * split):
                raise ValueError(f"a frame of {self.hop} samples cannot be split into {split} even blocks")
        return self

    def build(self, channels: int) -> Spectral:
        """Build the transform for `channels` audio channels."""
        return Spectral(channels, self.hop, self.power, self.attack)


class Spectral(Transform):
    """Whitened, companded MDCT `[B, channels * hop, T]`; channel-major (mid bands, then side bands).

    In a frame of k short blocks feature `k * f + j` is band f of block j, so that features are in the order
    of frequency in every frame. Without statistics (before `fit`) whitening is the identity, and with
    `power = 1` the whole transform is orthonormal. `decode(encode(x))` equals x to float precision in any
    case.
    """

    scale: Tensor  # rms of each band over the data           [features, 1]
    level: Tensor  # rms of each companded band over the data  [features, 1]

    def __init__(
        self, channels: int, hop: int = 128, power: float = 0.5, attack: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.channels, self.hop, self.power, self.attack = channels, hop, power, attack
        self.features = channels * hop
        self.register_buffer("scale", torch.ones(self.features, 1))
        self.register_buffer("level", torch.ones(self.features, 1))
        for size in {hop // split for split in (1, *attack)}:
            self.register_buffer(f"dct_{size}", _dct4(size), persistent=False)
            self.register_buffer(f"slope_{size}", _sine_slope(size), persistent=False)

    def encode(self, wave: Tensor) -> Tensor:
        """Return the features `[B, C * hop, ceil(N / hop)]` of waves `[B, C, N]`."""
        return self._compand(self.mdct(wave) / self.scale) / self.level

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Invert `encode` exactly and cut to `length` samples."""
        return self.imdct(self._expand(z * self.level) * self.scale, length)

    def mdct(self, wave: Tensor) -> Tensor:
        """Compute the orthonormal mid/side MDCT: `[B, C, N]` to `[B, C * hop, T]`."""
        wave = _mid_side(functional.pad(wave, (0, -wave.shape[-1] % self.hop)))
        runs = self._runs(wave.shape[-1] // self.hop)
        parts = torch.split(wave, [frames * self.hop for _, frames in runs], dim=-1)
        sizes = [self.hop // k for k, _ in runs]
        blocks = [torch.unflatten(part, -1, (-1, size)) for part, size in zip(parts, sizes, strict=True)]
        spectra = [folded @ self._dct(folded) for folded in self._butterflies(blocks, sign=1.0)]
        bands = [
            # [B, C, frames * k, hop / k] to [B, C, hop, frames]: block by block to band by band
            torch.unflatten(one, 2, (-1, k)).permute(0, 1, 4, 3, 2).flatten(2, 3)
            for one, (k, _) in zip(spectra, runs, strict=True)
        ]
        return torch.cat(bands, dim=-1).flatten(1, 2)

    def imdct(self, spectrum: Tensor, length: int) -> Tensor:
        """Compute the inverse (and transpose) of `mdct`: `[B, C * hop, T]` to `[B, C, length]`."""
        bands = torch.unflatten(spectrum, 1, (self.channels, self.hop))
        runs = self._runs(bands.shape[-1])
        parts = torch.split(bands, [frames for _, frames in runs], dim=-1)
        spectra = [
            torch.unflatten(part, 2, (-1, k)).permute(0, 1, 4, 3, 2).flatten(2, 3)
            for part, (k, _) in zip(parts, runs, strict=True)
        ]
        blocks = self._butterflies([one @ self._dct(one) for one in spectra], sign=-1.0)
        return _mid_side(torch.cat([block.flatten(-2) for block in blocks], dim=-1))[..., :length]

    def fit(self, waves: Tensor) -> None:
        """Measure band statistics on training waves `[B, C, N]`, smoothed over neighbouring bands.

        A (nearly) empty band counts as 60 dB below the loudest, so that it is not amplified without limit
        when a sound has energy in it; companded bands, which differ less, count as 20 dB below at least.
        """
        spectrum = self.mdct(waves)
        self.scale.copy_(self._band_rms(spectrum, floor=1e-3))
        self.level.copy_(self._band_rms(self._compand(spectrum / self.scale), floor=1e-1))

    def _runs(self, frames: int) -> list[tuple[int, int]]:
        """Return (blocks per frame, number of frames) for each run of frames with the same split."""
        runs: list[tuple[int, int]] = []
        for split in self.attack[:frames]:
            if runs and runs[-1][0] == split:
                runs[-1] = (split, runs[-1][1] + 1)
            else:
                runs.append((split, 1))
        rest = frames - len(self.attack)
        if rest > 0:
            runs.append((1, rest))
        return runs

    def _dct(self, blocks: Tensor) -> Tensor:
        matrix: Tensor = getattr(self, f"dct_{blocks.shape[-1]}")
        return matrix

    def _slope(self, size: int) -> Tensor:
        slope: Tensor = getattr(self, f"slope_{size}")
        return slope

    def _butterflies(self, runs: list[Tensor], sign: float) -> list[Tensor]:
        """Fold (+1) or unfold (-1) across boundaries: inside runs `[B, C, blocks, size]`, then between."""
        runs = [_butterfly(blocks, self._slope(blocks.shape[-1]), sign) for blocks in runs]
        flat = [blocks.flatten(-2) for blocks in runs]
        for k, (left, right) in enumerate(pairwise(runs)):
            slope = self._slope(min(left.shape[-1], right.shape[-1]))
            flat[k], flat[k + 1] = _across(flat[k], flat[k + 1], slope, sign)
        return [wave.view_as(blocks) for wave, blocks in zip(flat, runs, strict=True)]

    def _compand(self, z: Tensor) -> Tensor:
        return z if self.power == 1 else z.sign() * z.abs().pow(self.power)

    def _expand(self, z: Tensor) -> Tensor:
        return z if self.power == 1 else z.sign() * z.abs().pow(1 / self.power)

    def _band_rms(self, spectrum: Tensor, floor: float) -> Tensor:
        """Return the rms of each band, `[features, 1]`, at least `floor` times the greatest."""
        rms = spectrum.square().mean(dim=(0, 2)).sqrt().view(1, self.channels, self.hop)
        rms = rms.clamp(min=float(rms.max()) * floor + 1e-12).log()
        reach = max(2, self.hop // 64)
        padded = functional.pad(rms, (reach, reach), mode="replicate")
        return functional.avg_pool1d(padded, 2 * reach + 1, stride=1).exp().view(-1, 1)


@constant
def _dct4(size: int) -> Tensor:
    """Return the orthonormal, symmetric, self-inverse DCT-IV matrix `[size, size]` (computed in float64)."""
    n = torch.arange(size, dtype=torch.float64) + 0.5
    return (math.sqrt(2 / size) * torch.cos(math.pi / size * n[:, None] * n[None, :])).float()


@constant
def _sine_slope(hop: int) -> Tensor:
    """Return the factors of each butterfly, `[2, hop / 2]`: the sine window after and before a boundary."""
    angle = math.pi / 2 * (torch.arange(hop // 2, dtype=torch.float64) + 0.5) / hop + math.pi / 4
    return torch.stack([angle.sin(), angle.cos()]).float()


def _butterfly(blocks: Tensor, slope: Tensor, sign: float) -> Tensor:
    """Rotate samples mirrored about each inner block boundary into one another (time-domain aliasing).

    blocks `[B, C, T, hop]`. `sign` +1 folds (analysis), -1 unfolds (synthesis): inverse rotations. The DCT-IV
    continues evenly across a block's first boundary and oddly across its last, which fixes the signs.
    """
    half = blocks.shape[-1] // 2
    left, right = blocks[..., :half], blocks[..., half:].flip(-1)
    before, after = right[..., :-1, :], left[..., 1:, :]  # pairs mirrored about boundary t
    cos, sin = slope[0], sign * slope[1]
    new_after = torch.cat([left[..., :1, :], cos * after + sin * before], dim=-2)
    new_before = torch.cat([cos * before - sin * after, right[..., -1:, :]], dim=-2)
    return torch.cat([new_after, new_before.flip(-1)], dim=-1)


def _across(left: Tensor, right: Tensor, slope: Tensor, sign: float) -> tuple[Tensor, Tensor]:
    """Apply `_butterfly` across the boundary between the end of `[B, C, n]` and the start of `[B, C, m]`."""
    half = slope.shape[-1]
    before, after = left[..., -half:].flip(-1), right[..., :half]
    cos, sin = slope[0], sign * slope[1]
    new_after, new_before = cos * after + sin * before, cos * before - sin * after
    left = torch.cat([left[..., :-half], new_before.flip(-1)], dim=-1)
    return left, torch.cat([new_after, right[..., half:]], dim=-1)


def _mid_side(wave: Tensor) -> Tensor:
    """Rotate left/right to mid/side, or back (orthonormal); other numbers of channels pass unchanged."""
    if wave.shape[1] != 2:
        return wave
    left, right = wave[:, :1], wave[:, 1:]
    return torch.cat([left + right, left - right], dim=1) * math.sqrt(0.5)
