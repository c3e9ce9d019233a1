"""Checkpoint files, options of an import, and its result."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, NamedTuple

import torch
import yaml
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig, ParameterisationConfig, SamplingDefaults
from wavesmith.networks import NetworkConfig
from wavesmith.transforms import RawConfig

Weights = Literal["ema", "online"]
"""The running average of the weights over the training, or the latest weights."""

V_SAMPLING = SamplingDefaults(
    sampler="dpmpp_3m", schedule="exponential", steps=54, sigma_min=0.002, sigma_max=600.0, guidance=1.0
)
"""Sampling of networks that predict velocity on raw samples: as near to the converged solution as 100 steps
of iPLMS on the crash schedule, their former default (docs/checkpoints.md).
"""

SHORTEST, LONGEST = 0.001, 600.0
"""Accepted durations of a model's sounds in seconds; others are typing errors."""


class ImportOptions(NamedTuple):
    """Facts about a file that its user states; None for those in the file itself.

    Attributes:
        rate: samples per second.
        length: samples of the sounds that the model generates by default.
        weights: set of weights to read.
    """

    rate: int | None = None
    length: int | None = None
    weights: Weights | None = None


class CheckpointFile(NamedTuple):
    """A checkpoint file.

    Attributes:
        path: of the file.
        content: the whole content.
        tensors: weights by name: those in `content["state_dict"]`, or in `content` without it.
    """

    path: Path
    content: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class ImportedModel(NamedTuple):
    """A model read from a checkpoint.

    Attributes:
        config: configuration of the model.
        tensors: weights of its network by our names.
        about: sentence on its origin for the model card.
    """

    config: DiffusionConfig
    tensors: dict[str, Tensor]
    about: str


def read_checkpoint(path: Path) -> CheckpointFile:
    """Read a file: safetensors, or a pickle of tensors and plain values only.

    No code in the file is run. Tensors of newer files stay on the disk until they are used.

    Raises:
        ModelError: when the file is damaged, or has anything but tensors and plain values.
    """
    try:
        content = _load(path)
    except UnpicklingError as error:
        match = re.search(r"GLOBAL (\S+)|function (\S+)", str(error))
        name = f" ({match[1] or match[2]})" if match else ""
        raise ModelError(
            f"{path} holds more than tensors and plain values{name}, which could run code, so it is not "
            "read; get it from elsewhere, or as safetensors."
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, LookupError, struct.error) as error:
        raise ModelError(
            f"{path} is no checkpoint, or is damaged or cut short ({type(error).__name__}); get it again."
        ) from error
    content = content if isinstance(content, Mapping) else {}
    return CheckpointFile(path, content, named_tensors(content.get("state_dict", content)))


def named_tensors(values: Any) -> dict[str, Tensor]:
    """Return the dense tensors of a dictionary by their names; empty if `values` is no dictionary."""
    items = values.items() if isinstance(values, Mapping) else ()
    found = {name: value for name, value in items if isinstance(name, str) and isinstance(value, Tensor)}
    return {name: tensor for name, tensor in found.items() if tensor.layout == torch.strided}


def _load(path: Path) -> Any:
    with open(path, "rb") as file:
        pickled = file.read(1) == b"\x80"
    if zipfile.is_zipfile(path):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if pickled:  # as torch wrote before 1.6
        return torch.load(path, map_location="cpu", weights_only=True)
    return load_file(path)


def settings_beside(path: Path, *names: str) -> Any:
    """Read the first of these JSON or YAML files in the same folder; empty if there is none."""
    for name in names:
        file = path.with_name(name)
        if file.is_file():
            return read_settings(file)
    return {}


def read_settings(path: Path) -> Any:
    """Read a JSON or YAML file as plain values; raises ModelError when it is missing or neither."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))  # which reads JSON as well
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ModelError(
            f"{path} is missing, damaged or no settings file ({type(error).__name__}); get it again."
        ) from error


def setting(settings: Any, *path: str) -> Any:
    """Return a nested value of settings of any structure; None if it is missing or a `${reference}`."""
    for name in path:
        settings = settings.get(name) if isinstance(settings, Mapping) else None
    return None if isinstance(settings, str) and "${" in settings else settings


def make_config(
    path: Path,
    network: NetworkConfig,
    *,
    kind: Literal["v", "epsilon"],
    rate: Any,
    length: Any,
    channels: int,
    sampling: SamplingDefaults,
) -> DiffusionConfig:
    """Return the configuration of a model on raw samples; raises RequestError for a bad rate or length."""
    try:
        config = DiffusionConfig(
            rate=rate,
            channels=channels,
            length=length,
            transform=RawConfig(),
            network=network,
            parameterisation=ParameterisationConfig(kind=kind),
            sampling=sampling,
        )
    except ValidationError as error:
        raise RequestError(
            f"{path} cannot be read with these values ({first_problem(error)}); give others."
        ) from error
    if not SHORTEST <= config.length / config.rate <= LONGEST:
        raise RequestError(
            f"{path} cannot be read with a length of {config.length} samples, which at {config.rate} Hz is "
            f"not {SHORTEST:g} to {LONGEST:g} seconds; give another."
        )
    return config


def first_known(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def check_rate(path: Path, stated: Any, options: ImportOptions) -> None:
    """Raise RequestError for a rate other than the one stated in the file."""
    if options.rate is not None and isinstance(stated, int | float) and options.rate != stated:
        raise RequestError(f"{path} states a rate of {stated}, not {options.rate}; leave the rate out.")


def unknown_length(path: Path) -> RequestError:
    """Return the error for a file without a rate or length."""
    return RequestError(
        f"{path} does not state its rate or the length of its sounds; give both where there are such "
        f"options, or convert it first, as in wavesmith models convert {path} FOLDER --rate 48000 "
        "--length 65536 (docs/checkpoints.md says what is usual)."
    )
