"""Published embeddings, with stand-ins for their packages: none of them is needed, none downloaded."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from wavesmith.embeddings import load_embedding
from wavesmith.embeddings.external import _SoundEffectsNetwork
from wavesmith.errors import ModelError, RequestError

NAMES = ["vggish", "panns", "clap", "encodec", "aisfx"]
PACKAGES = ["torchvggish", "panns_inference", "panns_inference.models", "transformers", "aisfx"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine without packages and weights."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    return tmp_path


class Net(nn.Module):
    """Stand-in for a network: the mean of each row, in every dimension."""

    def __init__(self, dimensions, **options):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dimensions))
        self.options = options

    def forward(self, x, *rest):
        return x.flatten(1).mean(dim=1, keepdim=True) * self.weight


class Tagger(Net):
    def forward(self, x, mixup):
        return {"embedding": super().forward(x)}


@pytest.fixture
def stubs(home, monkeypatch):
    """Packages and weights as these embeddings expect them."""

    def package(name, **content):
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)

    package(
        "torchvggish",
        VGG=lambda layers, postprocess: Net(128),
        make_layers=list,
        waveform_to_examples=lambda wave, rate: torch.from_numpy(wave[: rate // 100])[None, None],
    )
    package("panns_inference")
    package("panns_inference.models", Cnn14=lambda **options: Tagger(2048, **options))
    (home / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(Net(128).state_dict(), home / "hub" / "checkpoints" / "vggish-10086976.pth")
    (home / "panns_data").mkdir()
    (home / "panns_data" / "class_labels_indices.csv").write_text("")
    torch.save({"model": Tagger(2048).state_dict()}, home / "panns_data" / "Cnn14_mAP=0.431.pth")

    clap = Net(512)
    clap.get_audio_features = lambda input_features: SimpleNamespace(pooler_output=clap(input_features))

    def extractor(waves, sampling_rate, truncation, return_tensors):
        assert (sampling_rate, truncation, return_tensors) == (48_000, "rand_trunc", "pt")
        assert all(isinstance(wave, np.ndarray) and wave[-1] != 0 for wave in waves)
        return {"input_features": torch.stack([torch.from_numpy(wave[:100]) for wave in waves])}

    codec = Net(128)
    codec.encoder = lambda waves: codec(waves)[..., None].expand(-1, -1, 7)

    def cached(thing):
        def from_pretrained(name, local_files_only):
            assert local_files_only
            return thing

        return SimpleNamespace(from_pretrained=from_pretrained)

    package(
        "transformers",
        ClapModel=cached(clap),
        ClapFeatureExtractor=cached(extractor),
        EncodecModel=cached(codec),
    )


@pytest.mark.parametrize(
    ("name", "dimensions", "rate"),
    [("vggish", 128, 16_000), ("panns", 2048, 32_000), ("clap", 512, 48_000), ("encodec", 128, 24_000)],
)
def test_vectors_have_the_stated_length_and_do_not_depend_on_gain(stubs, name, dimensions, rate):
    embedding = load_embedding(name)
    assert (embedding.name, embedding.rate, embedding.dimensions) == (name, rate, dimensions)
    waves = torch.rand(3, 2, rate // 2, generator=torch.Generator().manual_seed(0)) + 0.1
    vectors = embedding(waves)
    assert vectors.shape == (3, dimensions)
    assert not vectors.requires_grad
    torch.testing.assert_close(embedding(0.01 * waves), vectors)
    assert vectors.std(dim=0).min() > 0


@pytest.fixture
def sound_effects(home, monkeypatch):
    """The package `aisfx` with a checkpoint like its own, which has a number of numpy in it."""
    folder = home / "site" / "aisfx" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise ImportError('needs more packages')")
    torch.manual_seed(0)
    weights = {f"embedding_net.{name}": one for name, one in _SoundEffectsNetwork().state_dict().items()}
    torch.save(
        (weights | {"fc.0.weight": torch.zeros(1)}, {"set": np.float64(2.0)}), folder / "checkpoint.pth"
    )
    monkeypatch.delitem(sys.modules, "aisfx")
    monkeypatch.syspath_prepend(str(home / "site"))
    return folder / "checkpoint.pth"


def test_sound_effects_need_the_weights_of_their_package_only(sound_effects):
    embedding = load_embedding("aisfx")
    assert (embedding.name, embedding.rate, embedding.dimensions) == ("aisfx", 44_100, 512)
    waves = torch.randn(2, 2, 9000, generator=torch.Generator().manual_seed(0))
    vectors = embedding(waves)
    assert vectors.shape == (2, 512)
    torch.testing.assert_close(embedding(0.01 * waves), vectors, rtol=1e-3, atol=1e-3)
    sound_effects.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="install it again"):
        load_embedding("aisfx")
    sound_effects.unlink()
    with pytest.raises(RequestError, match="not on this machine"):
        load_embedding("aisfx")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_named_with_the_command(home, name):
    if name == "panns":
        (home / "panns_data").mkdir()
        (home / "panns_data" / "class_labels_indices.csv").write_text("")
    with pytest.raises(RequestError, match=f"'{name}'.*pip install"):
        load_embedding(name)


@pytest.mark.parametrize("name", ["vggish", "panns"])
def test_missing_weights_are_named_with_their_path(stubs, home, name):
    for path in home.rglob("*.pth"):
        path.unlink()
    with pytest.raises(RequestError, match=f"'{name}'.*save http"):
        load_embedding(name)


def test_panns_package_is_not_imported_where_it_would_download(stubs, home):
    (home / "panns_data" / "class_labels_indices.csv").unlink()
    sys.modules["panns_inference.models"] = None  # importing would fail otherwise
    with pytest.raises(RequestError, match="panns"):
        load_embedding("panns")


@pytest.mark.parametrize("name", ["clap", "encodec"])
def test_models_that_the_hub_has_not_cached_are_named(stubs, name):
    def missing(name, local_files_only):
        raise OSError("not in the cache")

    package = sys.modules["transformers"]
    package.ClapModel.from_pretrained = package.EncodecModel.from_pretrained = missing
    with pytest.raises(RequestError, match=f"'{name}'.*hf download"):
        load_embedding(name)


def test_damaged_weights_are_refused(stubs, home):
    (home / "hub" / "checkpoints" / "vggish-10086976.pth").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="vggish"):
        load_embedding("vggish")
