"""Tiny models of other tools' kinds, and what the tests do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wavesmith.errors import WavesmithError
from wavesmith.families import Condition
from wavesmith.families.diffusion import DiffusionConfig, DiffusionModel, ParameterisationConfig
from wavesmith.models import Model, fingerprint
from wavesmith.models.importers import crash
from wavesmith.models.importers.checkpoint import V_SAMPLING
from wavesmith.networks import AttentionUNetConfig, CrashUNetConfig, DanceDiffusionConfig, NetworkConfig
from wavesmith.noise import ItemNoise
from wavesmith.transforms import RawConfig
from wavesmith.verbs.generate import GENERATE

RATE, LENGTH = 16000, 256


def model(network: NetworkConfig, channels: int, kind: Any, length: int = LENGTH) -> Model:
    """A model with random weights on raw samples."""
    config = DiffusionConfig(
        rate=RATE,
        channels=channels,
        length=length,
        transform=RawConfig(),
        network=network,
        parameterisation=ParameterisationConfig(kind=kind),
        sampling=crash.SAMPLING if kind == "epsilon" else V_SAMPLING,
    )
    family = DiffusionModel(config).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in family.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    return Model("made", fingerprint(config, family), family)


@pytest.fixture
def dance() -> Model:
    return model(DanceDiffusionConfig(channels=(32, 64, 64, 64), attentions=2), 2, "v")


@pytest.fixture
def tiny() -> Model:
    network = AttentionUNetConfig(
        channels=(8, 16, 16),
        factors=(1, 2, 2),
        items=(1, 2, 2),
        attentions=(0, 0, 1),
        heads=2,
        modulation_features=32,
    )
    return model(network, 2, "v")


@pytest.fixture
def crashed() -> Model:
    return model(CrashUNetConfig(inlet=2, widths=(4, 4, 6, 8, 8)), 1, "epsilon", length=600)


@pytest.fixture
def answer() -> Callable[..., Tensor]:
    """What a model's network says of some noise."""

    def answer(model: Model, frames: int = LENGTH) -> Tensor:
        x = torch.randn(2, model.channels, frames, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            y: Tensor = model.family.network(x, torch.tensor([0.3, 0.8]))
        return y

    return answer


@pytest.fixture
def sample() -> Callable[..., Tensor]:
    """Waves of a model before any postprocessing, by settings of `generate`."""

    def sample(model: Model, seed: int, indices: list[int], **options: Any) -> Tensor:
        settings, sampling = GENERATE.settle(model, **options)
        condition = Condition(model.family.label_weights(None))
        length = round(settings.seconds * model.rate)
        with torch.inference_mode():
            return model.family.generate(condition, length, sampling, ItemNoise(seed, indices))

    return sample


@pytest.fixture
def same() -> Callable[[Model, Model], bool]:
    """Whether two models have networks with the same weights."""

    def same(one: Model, other: Model) -> bool:
        ours, theirs = one.family.network.state_dict(), other.family.network.state_dict()
        return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)

    return same


@pytest.fixture
def rewrite() -> Callable[[Path, Callable[[dict[str, Any]], object]], None]:
    """Change what is in a checkpoint."""

    def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)

    return rewrite


@pytest.fixture
def refusal() -> Callable[..., AbstractContextManager[None]]:
    """Expect an error of one sentence that names these things."""

    @contextmanager
    def refusal(*names: str) -> Iterator[None]:
        with pytest.raises(WavesmithError) as caught:
            yield
        sentence = str(caught.value)
        assert "\n" not in sentence
        assert sentence.endswith((".", "?"))
        for name in names:
            assert name in sentence, sentence

    return refusal
