"""`mel_cnn`: a small convolutional embedding, trained by this project on drums (`embeddings.training`)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from wavesmith.descriptors.log_mel import LogMel
from wavesmith.embeddings.pooling import in_windows
from wavesmith.stored_module import StoredModule

BUNDLED = Path(__file__).parent / "weights" / "mel_cnn"


class MelCnnConfig(BaseModel):
    """Sizes of a `MelCnn`.

    Attributes:
        rate: samples per second of its input.
        frames: samples of one window of its input.
        bands: mel bands of the spectrograms.
        windows: samples of the Fourier window of each spectrogram.
        hop: samples between columns of the spectrograms.
        widths: channels of each convolution.
        dimensions: length of the vectors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = 44_100
    frames: int = 44_100
    bands: int = 64
    windows: tuple[int, ...] = (2048, 512)
    hop: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 256)
    dimensions: int = 128


class MelCnn(StoredModule):
    """Convolutional network over log-mel spectrograms of one second: an `Embedding`.

    Its input are two spectrograms of equal hop, one with long windows, for pitch, and one with short windows,
    for the attack. The output of the last convolution keeps its frequency axis and is pooled over time by
    mean and maximum. A last normalisation gives every dimension mean 0 and variance 1 over the training
    sounds. Vectors depend neither on gain nor on silence after a sound.
    """

    CONFIG_TYPE = MelCnnConfig
    DESCRIPTION = "an embedding"
    REMEDY = "train one with benchmarks/train_embedding.py"

    config: MelCnnConfig
    name = "mel_cnn"

    def __init__(self, config: MelCnnConfig) -> None:
        super().__init__(config)
        self.rate, self.dimensions = config.rate, config.dimensions
        self.mels = nn.ModuleList(
            LogMel(config.rate, config.bands, window, config.hop) for window in config.windows
        )
        channels = (len(config.windows), *config.widths)
        self.body = nn.Sequential(*(_block(a, b) for a, b in pairwise(channels)))
        last, rows = config.widths[-1], -(-config.bands // 2 ** len(config.widths))
        self.mix = nn.Sequential(nn.Conv1d(last * rows, last, 1, bias=False), nn.BatchNorm1d(last), nn.ReLU())
        self.out = nn.Sequential(
            nn.Linear(2 * last, config.dimensions), nn.BatchNorm1d(config.dimensions, affine=False)
        )

    def forward(self, waves: Tensor) -> Tensor:
        """Return vectors `[B, D]` of waves `[B, C, N]`; differentiable."""
        return in_windows(lambda windows: self.project(self.spectrograms(windows)), waves, self.config.frames)

    def spectrograms(self, windows: Tensor) -> Tensor:
        """Return spectrograms `[M, windows, bands, T]` in dB (`LogMel`) of mono windows `[M, frames]`."""
        return torch.stack([mel(windows[:, None]) for mel in self.mels], dim=1)

    def project(self, spectrograms: Tensor) -> Tensor:
        """Return vectors `[M, D]` of spectrograms."""
        levels = (spectrograms / 40 + 1).contiguous(
            memory_format=torch.channels_last
        )  # a third quicker on CPUs
        columns = self.mix(self.body(levels).flatten(1, 2))
        vectors: Tensor = self.out(torch.cat([columns.mean(dim=2), columns.amax(dim=2)], dim=1))
        return vectors


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def bundled() -> MelCnn:
    """Return the `mel_cnn` that comes with the package."""
    return MelCnn.load(BUNDLED)
