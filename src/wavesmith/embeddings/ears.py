"""`ears`: this project's own small embedding, trained on drums by `embeddings.training`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from wavesmith.descriptors.mel import LogMel
from wavesmith.embeddings.listening import in_windows
from wavesmith.errors import ModelError
from wavesmith.files import replacing

BUNDLED = Path(__file__).parent / "weights" / "ears"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


class EarsConfig(BaseModel):
    """Sizes: `frames` heard at once at `rate` Hz, `windows` of the spectrograms, `dimensions` of vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = 44_100
    frames: int = 44_100
    bands: int = 64
    windows: tuple[int, ...] = (2048, 512)
    hop: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 256)
    dimensions: int = 128


class Ears(nn.Module):
    """A convolutional network over log-mel spectrograms: an `Embedding` that hears a second at once.

    Two spectrograms of equal hop are heard together, one with long windows, for pitch, and one with short
    ones, for the attack. What the last convolution finds is kept apart by frequency and pooled over time
    twice, by its mean and by its maximum. A last normalisation gives every dimension mean 0 and variance 1
    over the sounds that it was trained on. Gain changes nothing, nor does silence after a sound.
    """

    name = "ears"

    def __init__(self, config: EarsConfig) -> None:
        super().__init__()
        self.config = config
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
        """Vectors `[B, D]` of waves `[B, C, N]`; differentiable."""
        return in_windows(self.hear, waves, self.config.frames)

    def hear(self, waves: Tensor) -> Tensor:
        """Vectors `[M, D]` of mono windows `[M, frames]`."""
        return self.recognise(self.pictures(waves))

    def pictures(self, waves: Tensor) -> Tensor:
        """Spectrograms `[M, windows, bands, T]` of mono windows `[M, frames]`, in dB (see `LogMel`)."""
        return torch.stack([mel(waves[:, None]) for mel in self.mels], dim=1)

    def recognise(self, pictures: Tensor) -> Tensor:
        """Vectors `[M, D]` of spectrograms."""
        levels = (pictures / 40 + 1).contiguous(memory_format=torch.channels_last)  # a third quicker on CPUs
        found = self.mix(self.body(levels).flatten(1, 2))
        vectors: Tensor = self.out(torch.cat([found.mean(dim=2), found.amax(dim=2)], dim=1))
        return vectors

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `config.json` into a folder, made if need be."""
        folder = Path(folder)
        with replacing(folder / WEIGHTS) as path:
            save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)
        with replacing(folder / CONFIG) as path:
            path.write_text(self.config.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path = BUNDLED) -> Ears:
        """Read what `save` wrote, ready for use (without gradients); those in the package by default.

        Raises:
            ModelError: when the folder does not hold ears.
        """
        folder = Path(folder)
        try:
            ears = cls(EarsConfig.model_validate_json((folder / CONFIG).read_text(encoding="utf-8")))
            ears.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"{folder} does not hold ears; make them with train_ears.") from error
        return ears.eval().requires_grad_(False)


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def bundled() -> Ears:
    """The ears that come with wavesmith."""
    return Ears.load()
