"""`multires`: a convolutional embedding with windows of 6 to 372 ms (`embeddings.multitask` trains it)."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from wavesmith.descriptors.log_mel import LogMel
from wavesmith.embeddings.pooling import in_windows
from wavesmith.stored_module import StoredModule

BUNDLED = Path(__file__).parent / "weights" / "multires"

_FLOOR = 1e-8  # re the loudest cell
_FLUCTUATION_DB = 5.0  # counts as one
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 16_000.0


class MultiresConfig(BaseModel):
    """Sizes of a `Multires`.

    Attributes:
        rate: samples per second of its input.
        frames: samples of one window of its input.
        bands, hop, windows: bands, hop and Fourier windows (samples) of the mel spectrograms.
        grain_window: Fourier window of the spectrogram whose fluctuation within each hop is measured.
        long_bands, long_hop, long_windows: the same of the spectra with long windows.
        widths, long_widths: channels of the two stacks of convolutions.
        mixed: channels of the last convolution of each stack.
        dimensions: length of the vectors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = 44_100
    frames: int = 44_100
    bands: int = 64
    hop: int = 512
    windows: tuple[int, ...] = (512, 2048)
    grain_window: int = 256
    long_bands: int = 96
    long_hop: int = 2048
    long_windows: tuple[int, ...] = (4096, 16_384)
    widths: tuple[int, ...] = (32, 64, 128, 192)
    long_widths: tuple[int, ...] = (40, 80, 160)
    mixed: int = 192
    dimensions: int = 128


class FineSpectrum(nn.Module):
    """Spectra with long windows in narrow bands: level and spectral flatness of each band.

    Mono waves `[M, N]` to `[M, 2, bands, T]`: levels in dB re the loudest bin, -80 at least, and flatness in
    dB, the mean of the logarithms of a band's bins less the logarithm of their mean: 0 at most, about -2.5
    for noise, and for a tone as far below as it stands out. Bands are triangles, evenly spaced in octaves.
    """

    def __init__(self, rate: int, bands: int, window: int, hop: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.taper: Tensor
        self.filters: Tensor
        self.register_buffer("taper", torch.hann_window(window), persistent=False)
        highest = min(_HIGHEST_HZ, 0.45 * rate)
        edges = torch.logspace(math.log2(_LOWEST_HZ), math.log2(highest), bands + 2, 2.0, dtype=torch.float64)
        bins = torch.linspace(0, rate / 2, window // 2 + 1, dtype=torch.float64)
        slopes = edges.diff().clamp_min(rate / window)
        centres = edges[1:-1, None]
        rise, fall = 1 - (centres - bins) / slopes[:-1, None], 1 - (bins - centres) / slopes[1:, None]
        filters = torch.minimum(rise, fall).clamp_min(0)
        filters = filters / filters.sum(dim=1, keepdim=True)
        self.register_buffer("filters", filters.float(), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Return levels and flatness of `[M, N]`."""
        spectrum = torch.stft(
            waves,
            self.window,
            self.hop,
            window=self.taper,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(dim=-1)
        power = power / power.amax(dim=(1, 2), keepdim=True).clamp_min(1e-10) + _FLOOR
        mean, logs = (self.filters @ power).log(), self.filters @ power.log()
        return (10 / math.log(10)) * torch.stack([mean, logs - mean], dim=1)


class Multires(StoredModule):
    """Convolutional network over spectrograms of five resolutions of one second: an `Embedding`.

    One stack of convolutions reads two mel spectrograms with short windows and the fluctuation of levels
    within 12 ms; the other reads `FineSpectrum` with windows of 93 and 372 ms, in which tones are lines and
    noise is not. Both are pooled over time by mean and maximum. A last normalisation gives every dimension
    mean 0 and variance 1 over the training sounds. Vectors depend neither on gain nor on silence after a
    sound.
    """

    CONFIG_TYPE = MultiresConfig
    DESCRIPTION = "an embedding"
    REMEDY = "train one with benchmarks/train_multires.py"

    config: MultiresConfig
    name = "multires"

    def __init__(self, config: MultiresConfig) -> None:
        super().__init__(config)
        self.rate, self.dimensions = config.rate, config.dimensions
        self.mels = nn.ModuleList(LogMel(config.rate, config.bands, w, config.hop) for w in config.windows)
        self.grain = LogMel(config.rate, config.bands // 4, config.grain_window, config.hop // 8)
        self.fine = nn.ModuleList(
            FineSpectrum(config.rate, config.long_bands, w, config.long_hop) for w in config.long_windows
        )
        self.short = _Stack(len(config.windows) + 1, config.bands, config.widths, config.mixed)
        self.long = _Stack(2 * len(config.long_windows), config.long_bands, config.long_widths, config.mixed)
        self.out = nn.Sequential(
            nn.Linear(4 * config.mixed, config.dimensions), nn.BatchNorm1d(config.dimensions, affine=False)
        )

    def forward(self, waves: Tensor) -> Tensor:
        """Return vectors `[B, D]` of waves `[B, C, N]`; differentiable."""
        return in_windows(lambda windows: self.project(*self.spectra(windows)), waves, self.config.frames)

    def spectra(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs of the two stacks for mono windows `[M, frames]`.

        These are `[M, 3, bands, T]` and `[M, 4, long bands, T]`. All values lie between about -1 and 1.
        """
        levels = [mel(waves[:, None]) / 40 + 1 for mel in self.mels]
        frames = levels[0].shape[-1]
        within = self.grain(waves[:, None])[..., : 8 * (frames - 1)].unflatten(-1, (-1, 8))
        fluctuation = functional.pad(within.std(dim=-1) / _FLUCTUATION_DB - 0.5, (0, 1))
        levels.append(fluctuation.repeat_interleave(4, dim=1).clamp(-1, 2))
        scale = torch.tensor([40.0, 10.0])[:, None, None]
        fine = [spectrum(waves) / scale + 1 for spectrum in self.fine]
        return torch.stack(levels, dim=1), torch.cat(fine, dim=1)

    def project(self, short: Tensor, long: Tensor) -> Tensor:
        """Return vectors `[M, D]` of `spectra`."""
        vectors: Tensor = self.out(torch.cat([self.short(short), self.long(long)], dim=1))
        return vectors


class _Stack(nn.Module):
    """Convolutions that halve bands and frames, then the mean and the maximum over time, `[M, 2 * mixed]`."""

    def __init__(self, channels: int, bands: int, widths: tuple[int, ...], mixed: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_block(a, b) for a, b in pairwise((channels, *widths))))
        rows = -(-bands // 2 ** len(widths))
        self.mix = nn.Sequential(
            nn.Conv1d(widths[-1] * rows, mixed, 1, bias=False), nn.BatchNorm1d(mixed), nn.ReLU()
        )

    def forward(self, spectra: Tensor) -> Tensor:
        columns = self.mix(self.body(spectra.contiguous(memory_format=torch.channels_last)).flatten(1, 2))
        return torch.cat([columns.mean(dim=2), columns.amax(dim=2)], dim=1)


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def bundled() -> Multires:
    """Return the `multires` that comes with the package."""
    return Multires.load(BUNDLED)
