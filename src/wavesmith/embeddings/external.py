"""Published embeddings by others, through their own packages, where these and the weights are installed.

Nothing is downloaded here, and weights are read as tensors only. Each function raises RequestError with the
command to run when the package or the weights are missing, and ModelError when the weights are damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from wavesmith.embeddings.pooling import in_windows
from wavesmith.errors import ModelError, RequestError
from wavesmith.mel import mel_filters
from wavesmith.sound import REFERENCE_PEAK

CLAP, ENCODEC = "laion/larger_clap_music", "facebook/encodec_24khz"
_PANNS = "https://zenodo.org/record/3987831/files/Cnn14_mAP%3D0.431.pth"
_PANNS_CLASSES = "http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/class_labels_indices.csv"
_VGGISH = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"


class ExternalEmbedding:
    """Embedding by others: its input is scaled to a peak of -1 dBFS and cut into windows of its size."""

    def __init__(
        self, name: str, rate: int, frames: int, dimensions: int, embed: Callable[[Tensor], Tensor]
    ) -> None:
        """Take a function `embed` from mono windows `[M, frames]` at `rate` to vectors `[M, dimensions]`."""
        self.name, self.rate, self.dimensions = name, rate, dimensions
        self._frames, self._embed = frames, embed

    @torch.no_grad()
    def __call__(self, waves: Tensor) -> Tensor:
        """Return vectors `[B, D]` of waves `[B, C, N]`."""
        mono = waves.mean(dim=1, keepdim=True)
        level = mono.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)
        return in_windows(self._embed, mono / level * REFERENCE_PEAK, self._frames).float()


def vggish() -> ExternalEmbedding:
    """Load VGGish (Hershey et al. 2017), used by the first Frechet audio distance; windows of 1 s."""
    weights = Path(torch.hub.get_dir(), "checkpoints", "vggish-10086976.pth")
    with _requirements("vggish", "pip install torchvggish resampy", f"save {_VGGISH} as {weights}"):
        package = import_module("torchvggish")
        network = package.VGG(package.make_layers(), postprocess=False).eval()
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def embed(windows: Tensor) -> Tensor:
        examples = [package.waveform_to_examples(wave.numpy(), 16_000) for wave in windows]
        vectors: Tensor = network(torch.cat(examples))
        return vectors

    return ExternalEmbedding("vggish", 16_000, 16_000, 128, embed)


def panns() -> ExternalEmbedding:
    """Load Cnn14 of PANNs (Kong et al. 2020); windows of 1 s."""
    folder = Path.home() / "panns_data"
    weights, classes = folder / "Cnn14_mAP=0.431.pth", folder / "class_labels_indices.csv"
    fetch = f"save {_PANNS} as '{weights}' and {_PANNS_CLASSES} as {classes}"
    with _requirements("panns", "pip install panns-inference", fetch):
        classes.stat()  # without it the package downloads it when it is imported
        package = import_module("panns_inference.models")
        network = package.Cnn14(
            sample_rate=32_000,
            window_size=1024,
            hop_size=320,
            mel_bins=64,
            fmin=50,
            fmax=14_000,
            classes_num=527,
        ).eval()
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True)["model"])

    def embed(windows: Tensor) -> Tensor:
        vectors: Tensor = network(windows, None)["embedding"]
        return vectors

    return ExternalEmbedding("panns", 32_000, 32_000, 2048, embed)


def clap() -> ExternalEmbedding:
    """Load LAION's CLAP for music (Wu et al. 2023); windows of 10 s, shorter sounds are repeated."""
    with _requirements("clap", "pip install transformers", f"fetch them with 'hf download {CLAP}'"):
        package = import_module("transformers")
        network = package.ClapModel.from_pretrained(CLAP, local_files_only=True).eval()
        extractor = package.ClapFeatureExtractor.from_pretrained(CLAP, local_files_only=True)

    def embed(windows: Tensor) -> Tensor:
        sounding = [_without_silence(wave).numpy() for wave in windows]
        features = extractor(sounding, sampling_rate=48_000, truncation="rand_trunc", return_tensors="pt")
        vectors: Any = network.get_audio_features(input_features=features["input_features"])
        return vectors if isinstance(vectors, Tensor) else vectors.pooler_output  # since transformers 5

    return ExternalEmbedding("clap", 48_000, 480_000, 512, embed)


def encodec() -> ExternalEmbedding:
    """Load the encoder of EnCodec (Defossez et al. 2022), averaged over time; windows of 1 s."""
    with _requirements("encodec", "pip install transformers", f"fetch them with 'hf download {ENCODEC}'"):
        package = import_module("transformers")
        network = package.EncodecModel.from_pretrained(ENCODEC, local_files_only=True).eval()

    def embed(windows: Tensor) -> Tensor:
        vectors: Tensor = network.encoder(windows[:, None]).mean(dim=2)
        return vectors

    return ExternalEmbedding("encodec", 24_000, 24_000, 128, embed)


def aisfx() -> ExternalEmbedding:
    """The embedding of sound effects by Ma and Lerch (2022), X-Sequential-CE; windows of 2.3 seconds.

    Its network and its mel spectrogram are written anew here from their description; only the weights (CC BY
    4.0) come from the package, which need not be imported.
    """
    with _requirements("aisfx", "pip install --no-deps aisfx", "install it again"):
        found = find_spec("aisfx")
        if found is None or not found.submodule_search_locations:
            raise ImportError("No module named 'aisfx'")
        weights = Path(found.submodule_search_locations[0], "models", "checkpoint.pth")
        network = _SoundEffectsNetwork()
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(weights, map_location="cpu", weights_only=True)[0]
        prefix = "embedding_net."
        network.load_state_dict(
            {name.removeprefix(prefix): one for name, one in content.items() if name.startswith(prefix)}
        )
    return ExternalEmbedding("aisfx", 44_100, 100 * 1024, 512, network.eval().requires_grad_(False))


class _SoundEffectsNetwork(nn.Module):
    """Mono windows `[M, 102400]` at 44.1 kHz to vectors `[M, 512]`: mel bands, four pairs of convolutions."""

    _window, _hop, _bands, _frames = 2048, 1024, 96, 100
    _loudest = 9.457798957824707  # of the spectrograms that it was trained on

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 64, 128, 256, 512)
        for number, (channels, width) in enumerate(pairwise(widths), start=1):
            block = nn.ModuleDict(
                {
                    "conv1": nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    "conv2": nn.Conv2d(width, width, 3, padding=1, bias=False),
                    "bn1": nn.BatchNorm2d(width),
                    "bn2": nn.BatchNorm2d(width),
                }
            )
            self.add_module(f"conv_block{number}", block)
        filters = torch.tensor(mel_filters(44_100, self._bands, self._window, lowest=0.0)).float()
        self.filters: Tensor
        self.register_buffer("filters", filters / filters.sum(dim=1, keepdim=True), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        spectrum = torch.stft(
            waves,
            self._window,
            self._hop,
            window=torch.hann_window(self._window),
            pad_mode="constant",
            return_complex=True,
        )
        power = self.filters @ torch.view_as_real(spectrum).square().sum(dim=-1)
        found = (1 + 10_000 * power).log10()[..., : self._frames] / self._loudest
        found = found.transpose(1, 2)[:, None]  # [M, 1, T, bands]
        for number in range(1, 5):
            block = self.get_submodule(f"conv_block{number}")
            assert isinstance(block, nn.ModuleDict)
            for place in ("1", "2"):
                found = functional.relu(block[f"bn{place}"](block[f"conv{place}"](found)))
            if number < 4:
                found = functional.max_pool2d(found, 2)
        return found.mean(dim=3).amax(dim=2)


def _numpy_scalars() -> list[Any]:
    """What a checkpoint with numbers of numpy in it may name, besides tensors; none of it runs code."""
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [*((scalar, name) for name in names), np.dtype, type(np.dtype("f8")), type(np.dtype("i8"))]


@contextmanager
def _requirements(name: str, install: str, fetch: str) -> Iterator[None]:
    """Turn errors of imports and loading into one sentence with the command to run."""
    try:
        yield
    except ImportError as error:
        raise RequestError(
            f"The embedding '{name}' needs a package that is missing ({error}); get it with '{install}'."
        ) from error
    except OSError as error:  # also raised by the hub when its cache has no such model
        raise RequestError(
            f"The weights of the embedding '{name}' are not on this machine; {fetch}."
        ) from error
    except (KeyError, TypeError, ValueError, RuntimeError, UnpicklingError) as error:
        raise ModelError(
            f"The weights of the embedding '{name}' cannot be used ({type(error).__name__}); {fetch}."
        ) from error


def _without_silence(wave: Tensor) -> Tensor:
    """Return a window up to its last sounding sample, or all of a silent one."""
    sounding = wave.nonzero()
    return wave[: int(sounding[-1]) + 1] if len(sounding) else wave
