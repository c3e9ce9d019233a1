"""A tiny random model for tests: it behaves like a trained one, but for the sound, in milliseconds."""

from __future__ import annotations

import torch

from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    ParameterisationConfig,
    SamplingDefaults,
)
from wavesmith.models.model import Model
from wavesmith.models.model_folder import fingerprint
from wavesmith.models.provenance import Provenance
from wavesmith.networks import FrameUNetConfig
from wavesmith.transforms import SpectralConfig

DEBUG_CONFIG = DiffusionConfig(
    rate=8000,
    channels=2,
    length=2048,
    labels=("hihat", "kick", "percussion", "snare"),
    transform=SpectralConfig(hop=16),
    network=FrameUNetConfig(fold=4, widths=(16, 64), blocks=1, condition=16, dropout=0.0),
    parameterisation=ParameterisationConfig(kind="gated"),
    sampling=SamplingDefaults(steps=4, guidance=2.0),
)


def debug_model() -> Model:
    """Return a model with fixed random weights: coloured noise that decays, different for each label."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        family = DiffusionModel(DEBUG_CONFIG)
        for parameter in family.parameters():
            if not parameter.any():  # zero-initialised layers would hide labels and steps
                torch.nn.init.normal_(parameter, std=0.05)
    return Model(
        "debug",
        fingerprint(DEBUG_CONFIG, family),
        family.eval(),
        "A tiny random model for tests.\n",
        provenance=Provenance(sources=()),
    )
