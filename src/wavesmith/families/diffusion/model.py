"""The diffusion family: training losses and the operations on waves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from wavesmith.families.capabilities import Constraint
from wavesmith.families.condition import Condition
from wavesmith.families.diffusion import denoising, editing, inversion, sampling, scoring
from wavesmith.families.diffusion.config import DiffusionConfig, DiffusionObjective
from wavesmith.families.diffusion.settings import (
    DenoisingSampling,
    DiffusionSampling,
    EditSampling,
    InversionSampling,
    MorphSampling,
)
from wavesmith.families.family import Family, ObjectiveConfig
from wavesmith.families.family import Sampling as OperationSettings
from wavesmith.families.meta import on_meta_device
from wavesmith.families.objective import Batch, Objective
from wavesmith.networks import multiply_adds
from wavesmith.noise import ItemNoise
from wavesmith.transforms import LatentConfig

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
LEVELS = 8
"""Noise levels of the held-out loss: the medians of as many equal shares of the training distribution."""

_MOST_HELD_OUT = 48  # sounds for which the noise of a level is laid out


class DiffusionModel(Family):
    """A diffusion model; between waves and network lie features `[B, F, T]` from which noise is removed."""

    NAME: ClassVar = "diffusion"
    CONFIG: ClassVar = DiffusionConfig
    OBJECTIVE: ClassVar = DiffusionObjective
    OPERATIONS: ClassVar[Mapping[str, type[OperationSettings]]] = {
        "generate": DiffusionSampling,
        "edit": EditSampling,
        "resample": InversionSampling,
        "morph": MorphSampling,
        "denoise": DenoisingSampling,
    }
    STEERED_STEPS: int = 16
    """Steps of a steered operation, at least: guides act a little at each."""

    config: DiffusionConfig

    def __init__(self, config: DiffusionConfig) -> None:
        if isinstance(config.transform, LatentConfig):
            config = config.model_copy(update={"transform": config.transform.resolved()})
        super().__init__(config)
        self.parameterisation = config.parameterisation.build()
        self.transform = config.transform.build(config.channels)
        self.network = config.network.build(
            self.transform.features,
            outputs=self.parameterisation.outputs,
            labels=len(config.labels),
            augments=config.augments,
        )

    def denoiser(self, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """Map noisy features `[B, F, T]` at noise levels `sigma` `[B]` to denoised ones."""
        return self.parameterisation.denoise(self.network, x, sigma, **cond)

    def feature_shape(self, length: int) -> tuple[int, int]:
        """Return the shape `(F, T)` of the features of a wave of `length` samples."""
        return self.transform.features, self.transform.frames(length)

    # Training

    def fit(self, waves: Tensor) -> None:
        """Measure the statistics of the transform on training waves `[B, C, N]`."""
        self.transform.fit(waves)

    def training_loss(self, waves: Tensor, sigma: Tensor, eps: Tensor, **cond: Any) -> Tensor:
        """Return losses `[B]` of waves `[B, C, N]` at noise levels `[B]` with noise `[B, F, T]`."""
        with torch.autocast(waves.device.type, enabled=False):  # half precision is too coarse for a transform
            features = self.transform.encode(waves)
        return self.parameterisation.loss(self.network, features, sigma, eps, **cond)

    def forward(self, waves: Tensor, sigma: Tensor, eps: Tensor, **cond: Any) -> Tensor:
        """Return `training_loss`; `compile()` compiles this."""
        return self.training_loss(waves, sigma, eps, **cond)

    def objectives(self, settings: ObjectiveConfig, seed: int) -> Sequence[Objective]:
        """Return the one loss of diffusion: the weighted error at random noise levels.

        Noise levels follow a golden-ratio sequence over positions, so that those of any batch are spread
        evenly over their distribution.
        """
        assert isinstance(settings, DiffusionObjective)
        levels = settings.noise_levels.build()

        def loss(batch: Batch) -> Tensor:
            positions = batch.position.tolist()
            shares = (0.5 + torch.tensor(positions, dtype=torch.float64) * GOLDEN_RATIO) % 1.0
            sigma = levels.quantile(shares).float().to(batch.wave.device)
            eps = ItemNoise(seed, positions, batch.wave.device).normal(
                self.feature_shape(batch.wave.shape[-1])
            )
            losses: Tensor = self(batch.wave, sigma, eps, label=batch.label, augment=batch.augment)
            return losses

        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [Objective("loss", trained, loss)]

    def validate(self, batch: Batch, settings: ObjectiveConfig, seed: int) -> Mapping[str, Tensor]:
        """Return losses `[B]` at each of eight fixed noise levels, by `sigma_...`."""
        assert isinstance(settings, DiffusionObjective)
        shares = (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS
        shape, device = self.feature_shape(batch.wave.shape[-1]), batch.wave.device
        losses = {}
        for k, sigma in enumerate(settings.noise_levels.build().quantile(shares).float().tolist()):
            indices = [k * _MOST_HELD_OUT + position for position in batch.position.tolist()]
            eps = ItemNoise(seed, indices, device).normal(shape)
            sigmas = torch.full((len(batch.wave),), sigma, device=device)
            losses[f"sigma_{sigma:.3g}"] = self.training_loss(batch.wave, sigmas, eps, label=batch.label)
        return losses

    def statistics(self) -> frozenset[str]:
        """Return the names of the transform's statistics."""
        return frozenset(f"transform.{name}" for name, _ in self.transform.named_buffers())

    def describe(self) -> dict[str, str]:
        """Return what is inside, and how it is best sampled."""
        own = self.config.sampling
        return {
            "network": self.config.network.kind,
            "transform": self.config.transform.kind,
            "parameterisation": self.config.parameterisation.kind,
            "sampling": f"{own.sampler}, {own.schedule}, {own.steps} steps, guidance {own.guidance:g}",
        }

    # Operations

    def defaults(self, operation: str, steered: bool = False) -> dict[str, Any]:
        """Return the model's own sampling, as far as the operation has such settings."""
        values = dict(self.config.sampling)
        if operation != "generate":
            values["guidance_interval"] = None
        if operation in ("resample", "morph", "denoise"):
            values["steps"] = max(inversion.STEPS, values["steps"])
        elif steered:
            values["steps"] = max(self.STEERED_STEPS, values["steps"])
        known = self.OPERATIONS[operation].model_fields
        return {name: value for name, value in values.items() if name in known}

    def generate(
        self, condition: Condition, length: int, settings: DiffusionSampling, noise: ItemNoise
    ) -> Tensor:
        """Sample waves `[B, C, length]` from noise."""
        return sampling.generate(self, condition, length, settings, noise)

    def edit(
        self,
        wave: Tensor,
        amount: float,
        condition: Condition,
        settings: EditSampling,
        noise: ItemNoise,
        keep: Constraint | None = None,
    ) -> Tensor:
        """Sample waves `[B, C, N]` from a wave `[C, N]` under noise: see `editing.edit`."""
        return editing.edit(self, wave, amount, condition, settings, noise, keep)

    def resample(
        self,
        wave: Tensor,
        amount: float,
        condition: Condition,
        settings: InversionSampling,
        noise: ItemNoise,
        keep: Constraint | None = None,
    ) -> Tensor:
        """Sample waves `[B, C, N]` from a wave's latents mixed with noise: see `inversion.resample`."""
        return inversion.resample(self, wave, amount, condition, settings, noise, keep)

    def morph(self, waves: Tensor, settings: MorphSampling, noise: ItemNoise) -> inversion.InvertedSources:
        """Invert sources `[S, C, N]`: see `inversion.InvertedSources`."""
        return inversion.InvertedSources(self, waves, settings, noise)

    def noise_profile(self, waves: Iterable[Tensor]) -> Tensor:
        """Measure the level of the noise `[F, 1]` in every band: see `denoising.noise_profile`."""
        return denoising.noise_profile(self, waves)

    def denoise(
        self,
        wave: Tensor,
        profile: Tensor,
        condition: Condition,
        settings: DenoisingSampling,
        noise: ItemNoise,
    ) -> Tensor:
        """Take noise of a profile off a wave `[C, N]`: see `denoising.denoise`."""
        return denoising.denoise(self, wave, profile, condition, settings, noise)

    def error_levels(self, waves: Iterable[Tensor]) -> Tensor:
        """Return the noise levels `[K]` of the membership test: see `scoring.error_levels`."""
        return scoring.error_levels(self, waves)

    def errors(self, wave: Tensor, label: Tensor, levels: Tensor, seed: int, index: int) -> Tensor:
        """Return denoising errors `[K]` in dB: see `scoring.errors`."""
        return scoring.errors(self, wave, label, levels, seed, index)

    def _multiply_adds(self, length: int) -> int:
        with on_meta_device():
            network = DiffusionModel(self.config).network.to("meta").eval()
            x = torch.empty(1, *self.feature_shape(length))
            return multiply_adds(network, x, torch.empty(1), label=torch.empty(1, len(self.config.labels)))
