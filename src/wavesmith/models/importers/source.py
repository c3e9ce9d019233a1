"""What a foreign model is read from, what was asked for, and what comes of it."""

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
"""The running average of the weights over the training, or the weights as they were at its end."""

V_SAMPLING = SamplingDefaults(
    sampler="dpmpp_3m", schedule="exponential", steps=54, sigma_min=0.002, sigma_max=600.0, guidance=1.0
)
"""How networks of a velocity on raw samples are sampled here: as near to the converged solution as the 100
steps of iPLMS on the crash schedule that were usual (docs/checkpoints.md).
"""

SHORTEST, LONGEST = 0.001, 600.0
"""Seconds that a model's own sounds may last; others are typing errors."""


class Asked(NamedTuple):
    """What the user says about a file; None leaves it to the file.

    Attributes:
        rate: samples per second.
        length: samples of the sounds that it makes unasked.
        weights: which of two sets.
    """

    rate: int | None = None
    length: int | None = None
    weights: Weights | None = None


class Source(NamedTuple):
    """A checkpoint file.

    Attributes:
        path: where it is.
        content: all that is in it.
        tensors: its weights by name: `content["state_dict"]`, or all of it.
    """

    path: Path
    content: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class Reading(NamedTuple):
    """What a dialect makes of a source.

    Attributes:
        config: of the model.
        tensors: weights of its network by our names.
        about: what the model's card says of where it comes from.
    """

    config: DiffusionConfig
    tensors: dict[str, Tensor]
    about: str


def read_source(path: Path) -> Source:
    """Read a file: safetensors, or a pickle as far as it holds tensors and plain values.

    Nothing in the file is run. Tensors of newer files stay on the disk until they are used.

    Raises:
        ModelError: when the file is damaged, or asks for anything else than tensors and plain values.
    """
    try:
        content = _load(path)
    except UnpicklingError as error:
        wanted = re.search(r"GLOBAL (\S+)|function (\S+)", str(error))
        what = f" ({wanted[1] or wanted[2]})" if wanted else ""
        raise ModelError(
            f"{path} holds more than tensors and plain values{what}, which could run code, so it is not "
            "read; get it from elsewhere, or as safetensors."
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, LookupError, struct.error) as error:
        raise ModelError(
            f"{path} is no checkpoint, or is damaged or cut short ({type(error).__name__}); get it again."
        ) from error
    content = content if isinstance(content, Mapping) else {}
    return Source(path, content, named_tensors(content.get("state_dict", content)))


def named_tensors(values: Any) -> dict[str, Tensor]:
    """The dense tensors in a dictionary by their names; empty if it is none."""
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


def beside(path: Path, *names: str) -> Any:
    """Settings in the first of these JSON or YAML files in the same folder; empty if there is none."""
    for name in names:
        file = path.with_name(name)
        if file.is_file():
            return read_settings(file)
    return {}


def read_settings(path: Path) -> Any:
    """A JSON or YAML file as plain values; `ModelError` when it is missing or neither."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))  # which reads JSON as well
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ModelError(
            f"{path} is missing, damaged or no settings file ({type(error).__name__}); get it again."
        ) from error


def setting(settings: Any, *path: str) -> Any:
    """A value deep in settings that may be of any form; None where there is none or a `${reference}`."""
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
    """The configuration of a model on raw samples; RequestError when rate or length make no sense."""
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


def first(*values: Any) -> Any:
    """The first value that is known, that is, not None."""
    return next((value for value in values if value is not None), None)


def check_rate(path: Path, said: Any, asked: Asked) -> None:
    """Refuse a rate that the file itself contradicts."""
    if asked.rate is not None and isinstance(said, int | float) and asked.rate != said:
        raise RequestError(f"{path} says that its rate is {said}, not {asked.rate}; leave the rate out.")


def unsaid(path: Path) -> RequestError:
    """What to say of a file whose rate or length nobody knows."""
    return RequestError(
        f"{path} does not say at which rate it plays, or how long its sounds are; give both where there are "
        f"such options, or convert it first, as in wavesmith models convert {path} FOLDER --rate 48000 "
        "--length 65536 (docs/checkpoints.md says what is usual)."
    )
