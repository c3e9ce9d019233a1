"""One thread for all tests, and peers: other people's packages that ours is compared with where installed."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Nothing here is large enough for two, and bits must not depend on the machine or on earlier tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
def k_diffusion() -> Any:
    """k-diffusion's samplers; its package would load image models, and they bring all they need for those."""
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None:
        pytest.skip("k_diffusion is not installed")
    package = types.ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations or ())
    utils = types.SimpleNamespace(append_dims=lambda x, ndim: x[(..., *(None,) * (ndim - x.ndim))])
    package.utils = utils  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"k_diffusion": package, "k_diffusion.utils": utils}):
        return installed("k_diffusion.sampling", "torchdiffeq", "torchsde")


@pytest.fixture(scope="session")
def diffusers() -> Any:
    """Hugging Face's library, which has Dance Diffusion."""
    return installed("diffusers")
