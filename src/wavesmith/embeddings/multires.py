"""`multires`: this project's embedding that hears tones, with windows from 6 to 372 ms."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from wavesmith.descriptors.mel import LogMel
from wavesmith.embeddings.listening import in_windows
from wavesmith.errors import ModelError
from wavesmith.files import replacing

BUNDLED = Path(__file__).parent / "weights" / "multires"
WEIGHTS, CONFIG = "model.safetensors", "config.json"

_FLOOR = 1e-8  # re the loudest cell
_FLUCTUATION_DB = 5.0  # counts as one
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 16_000.0


class MultiresConfig(BaseModel):
    """Sizes of a `Multires`.

    Attributes:
        rate, frames: what is heard at once.
        bands, hop: of the mel spectrograms, whose `windows` are short.
        grain_window: of the spectrogram whose fluctuation within each hop is heard.
        long_bands, long_hop, long_windows: of the fine spectra.
        widths, long_widths: channels of the two stacks of convolutions.
        mixed: channels that each stack ends with.
        dimensions: of the vectors.
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
    """Long-window spectra in narrow bands: how loud each band is, and how flat its spectrum is.

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
        """Levels and flatness of `[M, N]`."""
        spectrum = torch.stft(
            waves, self.window, self.hop, window=self.taper, pad_mode="constant", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(dim=-1)
        power = power / power.amax(dim=(1, 2), keepdim=True).clamp_min(1e-10) + _FLOOR
        mean, logs = (self.filters @ power).log(), self.filters @ power.log()
        return (10 / math.log(10)) * torch.stack([mean, logs - mean], dim=1)


class Multires(nn.Module):
    """A convolutional network over spectrograms of five resolutions.

    An `Embedding` that hears a second at once. One stack of convolutions hears two mel spectrograms with
    short windows, and how much levels fluctuate within 12 ms; the other hears `FineSpectrum` with windows of
    93 and 372 ms, in which a tone is a line and noise is none. Both are pooled over time by mean and maximum.
    A last normalisation gives every dimension mean 0 and variance 1 over the sounds that it was trained on.
    Gain changes nothing, nor does silence after a sound.
    """

    name = "multires"

    def __init__(self, config: MultiresConfig) -> None:
        super().__init__()
        self.config = config
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
        """Vectors `[B, D]` of waves `[B, C, N]`; differentiable."""
        return in_windows(self.hear, waves, self.config.frames)

    def hear(self, waves: Tensor) -> Tensor:
        """Vectors `[M, D]` of mono windows `[M, frames]`."""
        return self.recognise(*self.pictures(waves))

    def pictures(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what the two stacks hear of mono windows `[M, frames]`.

        That is `[M, 3, bands, T]` and `[M, 4, long bands, T]`. All values lie between about -1 and 1.
        """
        levels = [mel(waves[:, None]) / 40 + 1 for mel in self.mels]
        frames = levels[0].shape[-1]
        within = self.grain(waves[:, None])[..., : 8 * (frames - 1)].unflatten(-1, (-1, 8))
        fluctuation = functional.pad(within.std(dim=-1) / _FLUCTUATION_DB - 0.5, (0, 1))
        levels.append(fluctuation.repeat_interleave(4, dim=1).clamp(-1, 2))
        scale = torch.tensor([40.0, 10.0])[:, None, None]
        fine = [spectrum(waves) / scale + 1 for spectrum in self.fine]
        return torch.stack(levels, dim=1), torch.cat(fine, dim=1)

    def recognise(self, short: Tensor, long: Tensor) -> Tensor:
        """Vectors `[M, D]` of what `pictures` made."""
        vectors: Tensor = self.out(torch.cat([self.short(short), self.long(long)], dim=1))
        return vectors

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `config.json` into a folder, made if need be."""
        folder = Path(folder)
        with replacing(folder / WEIGHTS) as path:
            save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)
        with replacing(folder / CONFIG) as path:
            path.write_text(self.config.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path = BUNDLED) -> Multires:
        """Read what `save` wrote, ready for use (without gradients); the one in the package by default.

        Raises:
            ModelError: when the folder does not hold one.
        """
        folder = Path(folder)
        try:
            made = cls(MultiresConfig.model_validate_json((folder / CONFIG).read_text(encoding="utf-8")))
            made.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"{folder} does not hold this embedding; make it with train_multires."
            ) from error
        return made.eval().requires_grad_(False)


class _Stack(nn.Module):
    """Convolutions that halve bands and frames, then the mean and the maximum over time, `[M, 2 * mixed]`."""

    def __init__(self, channels: int, bands: int, widths: tuple[int, ...], mixed: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_block(a, b) for a, b in pairwise((channels, *widths))))
        rows = -(-bands // 2 ** len(widths))
        self.mix = nn.Sequential(
            nn.Conv1d(widths[-1] * rows, mixed, 1, bias=False), nn.BatchNorm1d(mixed), nn.ReLU()
        )

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.mix(self.body(pictures.contiguous(memory_format=torch.channels_last)).flatten(1, 2))
        return torch.cat([found.mean(dim=2), found.amax(dim=2)], dim=1)


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def bundled() -> Multires:
    """The one that comes with wavesmith."""
    return Multires.load()
