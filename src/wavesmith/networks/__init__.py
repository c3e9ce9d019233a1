"""Torch modules that remove noise; `Network` is their interface.

No audio files, no training, no sampling here.
"""

from wavesmith.networks.attention_unet import AttentionUNet, AttentionUNetConfig
from wavesmith.networks.cost import multiply_adds, parameters
from wavesmith.networks.crash_unet import CrashUNet, CrashUNetConfig
from wavesmith.networks.dance_diffusion_unet import DanceDiffusion, DanceDiffusionConfig
from wavesmith.networks.frame_unet import FrameUNet, FrameUNetConfig
from wavesmith.networks.network import NETWORKS, Network, NetworkConfig, NetworkConfigBase
from wavesmith.networks.transformer import Transformer, TransformerConfig

__all__ = [
    "NETWORKS",
    "AttentionUNet",
    "AttentionUNetConfig",
    "CrashUNet",
    "CrashUNetConfig",
    "DanceDiffusion",
    "DanceDiffusionConfig",
    "FrameUNet",
    "FrameUNetConfig",
    "Network",
    "NetworkConfig",
    "NetworkConfigBase",
    "Transformer",
    "TransformerConfig",
    "multiply_adds",
    "parameters",
]
