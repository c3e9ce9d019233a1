"""The interface of networks, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from wavesmith.kinds import ByKind
from wavesmith.registry import Registry


class Network(nn.Module, ABC):
    """Network that removes noise: features `[B, features, T]` to `[B, outputs * features, T]`, for any T."""

    @abstractmethod
    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Return the network's raw output `[B, outputs * features, T]`.

        Args:
            x: noisy features `[B, features, T]`, scaled by the parameterisation.
            c_noise: noise level `[B]` in the parameterisation's coordinate.
            label: weights over the labels `[B, labels]`, a row of zeros for no label; None for no labels.
            augment: how augmentation changed the training sounds, `[B, augments]`, a row of zeros for
                unchanged ones; None when sampling.
        """


class NetworkConfigBase(BaseModel, ABC):
    """Configuration of a network; subclasses give `kind` a literal type and a default, and add fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Any

    @abstractmethod
    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> Network:
        """Build the network.

        Args:
            features: feature channels of the transform.
            outputs: network outputs per feature, see `Parameterisation.outputs`.
            labels: number of labels.
            augments: number of augmentation features.
        """


NETWORKS: Registry[type[NetworkConfigBase]] = Registry(
    "network",
    {
        "attention_unet": "wavesmith.networks.attention_unet:AttentionUNetConfig",
        "crash_unet": "wavesmith.networks.crash_unet:CrashUNetConfig",
        "dance_diffusion": "wavesmith.networks.dance_diffusion_unet:DanceDiffusionConfig",
        "frame_unet": "wavesmith.networks.frame_unet:FrameUNetConfig",
        "transformer": "wavesmith.networks.transformer:TransformerConfig",
    },
    entry_points="wavesmith.networks",
)
"""Configurations of networks by kind."""

NetworkConfig = Annotated[NetworkConfigBase, ByKind(NETWORKS)]
"""Field for the configuration of any registered network."""
