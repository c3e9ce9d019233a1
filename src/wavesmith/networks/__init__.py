"""Torch modules that remove noise: `network(x, c_noise, *, label=None, augment=None)`.

x is `[B, features, T]` for any T, `c_noise` `[B]` tells the noise level, `label` `[B, L]` holds weights over
labels (all zero: no label), `augment` `[B, A]` what was done to the training sound (zero when sampling). The
answer is `[B, outputs * features, T]`. No audio files, no training, no sampling here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wavesmith.networks.attention_unet import AttentionUNet, AttentionUNetConfig
from wavesmith.networks.cost import multiply_adds, parameters
from wavesmith.networks.crash_unet import CrashUNet, CrashUNetConfig
from wavesmith.networks.dance_diffusion_unet import DanceDiffusion, DanceDiffusionConfig
from wavesmith.networks.frame_unet import FrameUNet, FrameUNetConfig
from wavesmith.networks.transformer import Transformer, TransformerConfig

NetworkConfig = Annotated[
    AttentionUNetConfig | CrashUNetConfig | DanceDiffusionConfig | FrameUNetConfig | TransformerConfig,
    Field(discriminator="kind"),
]

__all__ = [
    "AttentionUNet",
    "AttentionUNetConfig",
    "CrashUNet",
    "CrashUNetConfig",
    "DanceDiffusion",
    "DanceDiffusionConfig",
    "FrameUNet",
    "FrameUNetConfig",
    "NetworkConfig",
    "Transformer",
    "TransformerConfig",
    "multiply_adds",
    "parameters",
]
