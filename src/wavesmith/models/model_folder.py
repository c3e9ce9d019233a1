"""Model folders: `config.json`, `model.safetensors` and `README.md`, the layout of the Hugging Face Hub.

A folder may also have `timbre.json`, percentiles of the timbres of its training sounds, and
`attribution.json`. Only tensors and plain values are ever read: no code runs on load.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from wavesmith.descriptors import TimbreTable
from wavesmith.errors import ModelError, first_problem
from wavesmith.families import Family, FamilyConfig, build, on_meta_device, read_config
from wavesmith.files import replacing
from wavesmith.models.legacy import name_of_0_1, with_names_of_today
from wavesmith.models.model import Model
from wavesmith.models.provenance import load_provenance

CONFIG, WEIGHTS, CARD, TIMBRE = "config.json", "model.safetensors", "README.md", "timbre.json"
_DTYPES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


def save_folder(folder: str | Path, family: Family, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; each file replaces its predecessor only once it is complete.

    `dtype` float16 halves the size of the weights; `Family.statistics` stay float32.

    Raises:
        WavesmithError: when the folder cannot be written or the disk is full.
    """
    folder = Path(folder)
    statistics = family.statistics()
    tensors = {
        name: tensor.detach().cpu().to(tensor.dtype if name in statistics else dtype).contiguous()
        for name, tensor in family.state_dict().items()
    }
    with replacing(folder / WEIGHTS) as temporary:
        write_tensors(tensors, temporary)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(family.config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with replacing(folder / CARD) as temporary:
        temporary.write_text(card, encoding="utf-8")


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file directly from the tensors' memory; safetensors itself copies them first.

    Tensors are float32, float16 or bfloat16, on the CPU. Raises OSError for problems with the disk.
    """
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        kind = {"dtype": _DTYPES[tensor.dtype], "shape": [*tensor.shape]}
        header[name] = kind | {"data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.detach().reshape(-1).view(torch.uint8).numpy().data)


def save_timbre(folder: str | Path, table: TimbreTable) -> None:
    """Write the table of timbres of a model folder; raises WavesmithError when the disk refuses it."""
    with replacing(Path(folder) / TIMBRE) as temporary:
        temporary.write_text(table.model_dump_json() + "\n", encoding="utf-8")


def load_folder(folder: str | Path, name: str | None = None) -> Model:
    """Read a model folder, on the CPU and in evaluation mode.

    Raises:
        ModelError: when a file is missing, damaged, or does not match the configuration.
    """
    folder = Path(folder)
    config_text = _read_text(folder / CONFIG)
    try:
        config = read_config(_object(config_text))
    except (ValueError, RecursionError) as error:
        _refuse_classifier(folder, config_text)
        raise ModelError(
            f"{folder / CONFIG} does not describe a wavesmith model ({_problem(error)}); "
            "get the folder again or check how it was made."
        ) from error
    tensors = _checked(config, _read_tensors(folder / WEIGHTS), folder)
    family = build(config)
    family.load_state_dict(tensors)
    card = _read_text(folder / CARD) if (folder / CARD).is_file() else ""
    return Model(
        name or str(folder),
        fingerprint(config, family),
        family.eval(),
        card,
        _timbre(folder),
        load_provenance(folder),
    )


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object in a text; ValueError if there is none."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def _problem(error: Exception) -> str:
    return first_problem(error) if isinstance(error, ValidationError) else str(error)


def _refuse_classifier(folder: Path, config_text: str) -> None:
    """Raise ModelError if a folder has a classifier instead of a model."""
    from wavesmith.classifiers import ClassifierConfig

    with suppress(ValidationError):
        ClassifierConfig.model_validate_json(config_text)
        raise ModelError(f"{folder} holds a classifier, which generates no sounds; use it with --guide.")


def fingerprint(config: FamilyConfig, family: Family) -> str:
    """Return a model's identity: a hash over its configuration and every number that it computes with."""
    digest = hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode())
    tensors = {name_of_0_1(name): tensor for name, tensor in family.state_dict().items()}
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _timbre(folder: Path) -> TimbreTable | None:
    if not (folder / TIMBRE).is_file():
        return None
    try:
        return TimbreTable.model_validate_json(_read_text(folder / TIMBRE))
    except ValidationError as error:
        raise ModelError(
            f"{folder / TIMBRE} is no table of timbres ({first_problem(error)}); remove it or get it again."
        ) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is missing or cannot be read; a model folder needs it.") from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path} is missing; a model folder needs its weights there.")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no safetensors file ({error}); get it again.") from error


def _checked(config: FamilyConfig, tensors: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """Return tensors under their names of today; refuse missing, superfluous, unfitting or infinite ones.

    They are compared with a model on the meta device, so a configuration cannot allocate more memory than the
    weights file has.
    """
    try:
        with on_meta_device():
            expected = build(config).state_dict()
    except (RuntimeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"{folder / CONFIG} describes a model that cannot be built ({error}); get it again."
        ) from error
    tensors = with_names_of_today(tensors, expected)
    problems = [f"{name} is missing" for name in expected.keys() - tensors.keys()]
    problems += [f"{name} is not part of this network" for name in tensors.keys() - expected.keys()]
    for name in expected.keys() & tensors.keys():
        shape, tensor = tuple(expected[name].shape), tensors[name]
        if tuple(tensor.shape) != shape:
            problems.append(f"{name} has shape {tuple(tensor.shape)} instead of {shape}")
        elif tensor.dtype not in _DTYPES:
            problems.append(f"{name} holds {tensor.dtype} instead of float32, float16 or bfloat16")
        elif not tensor.isfinite().all():
            problems.append(f"{name} holds values that are not finite numbers")
    if problems:
        more = f" and {len(problems) - 3} more problems" if len(problems) > 3 else ""
        raise ModelError(
            f"{folder / WEIGHTS} does not fit {CONFIG}: {'; '.join(sorted(problems)[:3])}{more}; "
            "get the folder again."
        )
    return tensors
