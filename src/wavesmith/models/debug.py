"""A tiny random model for tests: it behaves like a trained one, but for the sound, in milliseconds."""

from __future__ import annotations

import torch

from wavesmith.families import build, read_config
from wavesmith.models.model import Model
from wavesmith.models.model_folder import fingerprint
from wavesmith.models.provenance import Provenance

DEBUG_CONFIG = read_config(
    {
        "family": "diffusion",
        "rate": 8000,
        "channels": 2,
        "length": 2048,
        "labels": ("hihat", "kick", "percussion", "snare"),
        "transform": {"kind": "spectral", "hop": 16},
        "network": {
            "kind": "frame_unet",
            "fold": 4,
            "widths": (16, 64),
            "blocks": 1,
            "condition": 16,
            "dropout": 0.0,
        },
        "parameterisation": {"kind": "gated"},
        "sampling": {"steps": 4, "guidance": 2.0},
    }
)


def debug_model() -> Model:
    """Return a model with fixed random weights: coloured noise that decays, different for each label."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        family = build(DEBUG_CONFIG)
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
