"""Peers: other people's packages, whose results ours are compared with where they are installed."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any
from unittest import mock

import pytest


def installed(name: str, *needs: str) -> Any:
    """Import a peer; skip the test without it.

    What it `needs` only for other things than those compared here is replaced by mocks if not installed.
    """
    missing = [need for need in needs if importlib.util.find_spec(need.partition(".")[0]) is None]
    for module in missing:
        sys.modules[module] = mock.MagicMock()
    try:
        return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)
    finally:
        for module in missing:
            del sys.modules[module]


@pytest.fixture(scope="session")
def audio_diffusion_pytorch() -> Any:
    """Tiny Audio Diffusion's library; torchaudio is there for its mel spectrograms alone."""
    return installed("audio_diffusion_pytorch", "torchaudio")


@pytest.fixture(scope="session")
def diffusers() -> Any:
    """Hugging Face's library, which has Dance Diffusion."""
    return installed("diffusers")
