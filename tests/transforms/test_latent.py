"""A toy autoencoder as a space: loaded by name, frozen, known by its hash, not saved with its user."""

from typing import ClassVar, Literal

import pytest
import torch

from wavesmith.errors import ModelError
from wavesmith.families import FAMILIES, Family, FamilyConfig, register
from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    ParameterisationConfig,
    SamplingDefaults,
)
from wavesmith.models import load, load_folder, save_folder
from wavesmith.networks import FrameUNetConfig
from wavesmith.transforms import LatentConfig


class HalvesConfig(FamilyConfig):
    family: Literal["halves"] = "halves"


class Halves(Family):
    """Encodes pairs of mono samples as two channels at half the rate, times a weight."""

    NAME: ClassVar = "halves"
    CONFIG: ClassVar = HalvesConfig
    features, hop = 2, 2

    def __init__(self, config):
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.tensor(3.0))

    def objectives(self, settings, seed):
        return []

    def generate(self, condition, length, sampling, noise):
        return noise.normal((1, length))

    def encode(self, waves):
        return self.weight * waves.reshape(len(waves), -1, 2).transpose(1, 2)

    def decode(self, codes, length):
        return (codes / self.weight).transpose(1, 2).reshape(len(codes), 1, -1)[..., :length]


@pytest.fixture
def codec(tmp_path):
    register(Halves)
    save_folder(tmp_path / "codec", Halves(HalvesConfig(rate=8000, channels=1, length=256)), "A toy.\n")
    yield tmp_path / "codec"
    FAMILIES.unregister("halves")


def config(codec):
    return DiffusionConfig(
        rate=8000,
        channels=1,
        length=256,
        transform=LatentConfig(model=str(codec)),
        network=FrameUNetConfig(fold=1, widths=(8, 64), blocks=1, condition=8),
        parameterisation=ParameterisationConfig(kind="edm"),
        sampling=SamplingDefaults(steps=2),
    )


def test_the_configuration_gets_hash_and_shape_of_the_codec(codec):
    transform = DiffusionModel(config(codec)).config.transform
    assert (transform.hash, transform.features, transform.hop) == (load(codec).hash, 2, 2)


def test_waves_are_encoded_standardised_and_come_back(codec):
    family = DiffusionModel(config(codec))
    waves = 0.2 + 0.1 * torch.randn(8, 1, 256, generator=torch.Generator().manual_seed(0))
    family.fit(waves)
    z = family.transform.encode(waves)
    assert z.shape == (8, 2, 128)
    assert float(z.mean()) == pytest.approx(0, abs=1e-5)
    assert float(z.std()) == pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(family.transform.decode(z, 256), waves)


def test_the_codec_is_neither_trained_nor_saved_with_its_user(codec, tmp_path):
    family = DiffusionModel(config(codec)).eval()
    family.transform.encode(torch.zeros(1, 1, 256))
    assert not any("weight" in name for name in family.transform.state_dict())
    save_folder(tmp_path / "user", family, "Uses a codec.\n")
    model = load_folder(tmp_path / "user")
    assert model.family.config.transform.hash == load(codec).hash
    assert model.generate(1, seed=1)[0].frames == 256


def test_another_codec_under_the_same_name_is_refused(codec, tmp_path):
    save_folder(tmp_path / "user", DiffusionModel(config(codec)), "Uses a codec.\n")
    other = load(codec).family
    other.weight.data.fill_(5.0)
    save_folder(codec, other, "Another.\n")
    with pytest.raises(ModelError, match="not the one"):
        load_folder(tmp_path / "user").generate(1, seed=1)


def test_a_model_without_codes_is_no_space(tmp_path):
    with pytest.raises(ModelError, match="debug"):
        DiffusionModel(config("debug"))
