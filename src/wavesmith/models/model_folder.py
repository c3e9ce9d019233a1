"""A model on disk: a folder with `config.json`, `model.safetensors` and `README.md`, as the Hugging Face Hub
lays them out. Only tensors and plain values are ever read from it: no code runs on load."""

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
from wavesmith.models.model import Model
from wavesmith.models.provenance import load_provenance

CONFIG, WEIGHTS, CARD, TIMBRE = "config.json", "model.safetensors", "README.md", "timbre.json"
_NUMBERS = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


def save_folder(folder: str | Path, family: Family, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; each file replaces its predecessor only once it is whole.

    `dtype` float16 halves the size of the weights; transform statistics stay float32.

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
    """Write a safetensors file straight from the tensors' memory; their own library copies them all first.

    Tensors are float32, float16 or bfloat16, on the CPU; OSError says what is wrong with the disk.
    """
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        kind = {"dtype": _NUMBERS[tensor.dtype], "shape": [*tensor.shape]}
        header[name] = kind | {"data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.detach().reshape(-1).view(torch.uint8).numpy().data)


def save_timbre(folder: str | Path, table: TimbreTable) -> None:
    """Write the table of timbres of a model folder; WavesmithError when that cannot be done."""
    with replacing(Path(folder) / TIMBRE) as temporary:
        temporary.write_text(table.model_dump_json() + "\n", encoding="utf-8")


def load_folder(folder: str | Path, name: str | None = None) -> Model:
    """Read a model folder, on the CPU and in evaluation mode.

    Raises:
        ModelError: when a file is missing, damaged, or not what the configuration asks for.
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
    tensors = _read_tensors(folder / WEIGHTS)
    _check(config, tensors, folder)
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
    """Raise ModelError if a folder that holds no model holds a classifier."""
    from wavesmith.classifiers import ClassifierConfig

    with suppress(ValidationError):
        ClassifierConfig.model_validate_json(config_text)
        raise ModelError(f"{folder} holds a classifier, which generates no sounds; use it with --guide.")


def fingerprint(config: FamilyConfig, family: Family) -> str:
    """What identifies a model: a hash over its configuration and every number it computes with."""
    digest = hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode())
    for name, tensor in sorted(family.state_dict().items()):
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


def _check(config: FamilyConfig, tensors: dict[str, Tensor], folder: Path) -> None:
    """Refuse tensors that are missing, left over, of another shape or type, or not finite.

    The comparison is with a model that takes no memory, so that a configuration cannot ask for more than the
    weights file has.
    """
    try:
        with on_meta_device():
            expected = build(config).state_dict()
    except (RuntimeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"{folder / CONFIG} asks for what cannot be built ({error}); get it again."
        ) from error
    problems = [f"{name} is missing" for name in expected.keys() - tensors.keys()]
    problems += [f"{name} is not part of this network" for name in tensors.keys() - expected.keys()]
    for name in expected.keys() & tensors.keys():
        wanted, found = tuple(expected[name].shape), tensors[name]
        if tuple(found.shape) != wanted:
            problems.append(f"{name} has shape {tuple(found.shape)} instead of {wanted}")
        elif found.dtype not in _NUMBERS:
            problems.append(f"{name} holds {found.dtype} instead of float32, float16 or bfloat16")
        elif not found.isfinite().all():
            problems.append(f"{name} holds values that are not finite numbers")
    if problems:
        more = f" and {len(problems) - 3} more problems" if len(problems) > 3 else ""
        raise ModelError(
            f"{folder / WEIGHTS} does not fit {CONFIG}: {'; '.join(sorted(problems)[:3])}{more}; "
            "get the folder again."
        )
