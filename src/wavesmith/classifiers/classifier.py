"""A small classifier of sounds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from wavesmith.descriptors.log_mel import LogMel
from wavesmith.stored_module import StoredModule


class ClassifierConfig(BaseModel):
    """Configuration of a classifier, the content of its `config.json`.

    Attributes:
        classes: names of the classes, in the order of the logits.
        rate: samples per second of its input.
        bands: mel bands of the spectrogram.
        window, hop: samples of the Fourier window, and between columns.
        widths: channels of each convolution.
        noisy: trained under white noise and conditioned on its level, as a guide must be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[str, ...]
    rate: int
    bands: int = 64
    window: int = 1024
    hop: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 192)
    noisy: bool = False


class Classifier(StoredModule):
    """Log-mel CNN for waves `[B, C, N]` of any length and number of channels.

    Features are pooled over time and frequency by mean, for the whole sound, and by maximum, for the attack.
    """

    CONFIG_TYPE = ClassifierConfig
    DESCRIPTION = "a classifier"
    REMEDY = "train one with: wavesmith train SOUNDS --classifier --out FOLDER"

    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        self.mel = LogMel(config.rate, config.bands, config.window, config.hop)
        channels = (1 + config.noisy, *config.widths)
        self.body = nn.Sequential(*(_block(a, b) for a, b in pairwise(channels)))
        self.head = nn.Linear(2 * config.widths[-1], len(config.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.config.classes

    def embed(self, waves: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Return features `[B, D]` of waves `[B, C, N]`, the input of the last layer.

        `sigma` `[B]` is the level of the white noise in the waves, relative to their peak; None for no noise.
        """
        levels = self.mel(waves)[:, None] / 40 + 1
        if self.config.noisy:
            noise = levels.new_zeros(len(levels)) if sigma is None else sigma.to(levels)
            plane = (noise.clamp(1e-4, 10).log10() / 4)[:, None, None, None].expand_as(levels)
            levels = torch.cat([levels, plane], dim=1)
        features = self.body(levels)
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)

    def forward(self, waves: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Return logits `[B, classes]` of waves `[B, C, N]`; differentiable in the waves."""
        logits: Tensor = self.head(self.embed(waves, sigma))
        return logits


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def predict(classifier: Classifier, waves: Tensor, batch: int = 64) -> Tensor:
    """Return class numbers `[N]` of waves `[N, C, L]`."""
    return _in_batches(classifier, waves, batch).argmax(dim=1)


def features_of(classifier: Classifier, waves: Tensor, batch: int = 64) -> Tensor:
    """Return features `[N, D]` of waves `[N, C, L]`, computed in batches and without gradients."""
    return _in_batches(classifier.embed, waves, batch)


def confusion(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Return counts `[classes, classes]`: row the true class, column the predicted one."""
    pairs = labels * classes + predicted
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def accuracy(table: Tensor) -> float:
    """Return the share of a confusion matrix that lies on its diagonal."""
    return int(table.trace()) / int(table.sum())


@torch.no_grad()
def _in_batches(function: Callable[[Tensor], Tensor], waves: Tensor, batch: int) -> Tensor:
    return torch.cat([function(part) for part in torch.split(waves, batch)])
