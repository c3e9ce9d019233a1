"""A small classifier that says which label a sound deserves, and lends its features to the distances."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from wavesmith.descriptors.mel import LogMel
from wavesmith.errors import ModelError
from wavesmith.files import replacing

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"


class ClassifierConfig(BaseModel):
    """What a judge is made of: its classes, the rate it hears at and its sizes.

    `noisy`: whether it was trained under noise, and is told how much there is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[str, ...]
    rate: int
    bands: int = 64
    window: int = 1024
    hop: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 192)
    noisy: bool = False


class Classifier(nn.Module):
    """A log-mel CNN for sounds `[B, C, N]` of any length and number of channels.

    Mean and maximum over time and frequency are both kept: one hears the whole, the other the attack.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = LogMel(config.rate, config.bands, config.window, config.hop)
        channels = (1 + config.noisy, *config.widths)
        self.body = nn.Sequential(*(_block(a, b) for a, b in pairwise(channels)))
        self.head = nn.Linear(2 * config.widths[-1], len(config.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.config.classes

    def embed(self, waves: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Features `[B, D]` of waves `[B, C, N]`: what the last layer decides by.

        `sigma` `[B]` is the level of the white noise in them, relative to their peak; None for no noise.
        """
        picture = self.mel(waves)[:, None] / 40 + 1
        if self.config.noisy:
            level = picture.new_zeros(len(picture)) if sigma is None else sigma.to(picture)
            plane = (level.clamp(1e-4, 10).log10() / 4)[:, None, None, None].expand_as(picture)
            picture = torch.cat([picture, plane], dim=1)
        features = self.body(picture)
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)

    def forward(self, waves: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Logits `[B, classes]` of waves `[B, C, N]`; differentiable in the waves."""
        logits: Tensor = self.head(self.embed(waves, sigma))
        return logits

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `config.json` into a folder, made if need be."""
        folder = Path(folder)
        with replacing(folder / _WEIGHTS) as path:
            save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)
        with replacing(folder / _CONFIG) as path:
            path.write_text(self.config.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Classifier:
        """Read what `save` wrote, ready for use (in evaluation mode).

        Raises:
            ModelError: when the folder does not hold a judge.
        """
        folder = Path(folder)
        try:
            judge = cls(ClassifierConfig.model_validate_json((folder / _CONFIG).read_text()))
            judge.load_state_dict(load_file(folder / _WEIGHTS))
        except (OSError, ValidationError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"{folder} does not hold a judge; make one with: wavesmith train SOUNDS --judge --out JUDGE."
            ) from error
        return judge.eval()


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def predict(judge: Classifier, waves: Tensor, batch: int = 64) -> Tensor:
    """Class numbers `[N]` that the judge gives to waves `[N, C, L]`."""
    return _in_batches(judge, waves, batch).argmax(dim=1)


def features_of(judge: Classifier, waves: Tensor, batch: int = 64) -> Tensor:
    """Features `[N, D]` of waves `[N, C, L]`, a batch at a time and without gradients."""
    return _in_batches(judge.embed, waves, batch)


def confusion(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Counts `[classes, classes]`: row the true label, column the one given."""
    pairs = labels * classes + predicted
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def share_right(table: Tensor) -> float:
    """Share of a confusion matrix that lies on its diagonal."""
    return int(table.trace()) / int(table.sum())


@torch.no_grad()
def _in_batches(function: Callable[[Tensor], Tensor], waves: Tensor, batch: int) -> Tensor:
    return torch.cat([function(part) for part in torch.split(waves, batch)])
