"""Tensors of other tools by our names, and back: all of them, or an error that lists the problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.errors import ModelError
from wavesmith.families import on_meta_device
from wavesmith.families.diffusion import DiffusionConfig, DiffusionModel


class TensorMapping(NamedTuple):
    """One tensor of our network and its names in another tool's checkpoint.

    Attributes:
        ours: its name in our network.
        theirs: its name in the checkpoint; several names are blocks of its rows, in order.
        tied: several names are copies of the whole tensor instead.
        one: position of a dimension of size 1 that only the checkpoint has.
    """

    ours: str
    theirs: tuple[str, ...]
    tied: bool = False
    one: int | None = None


def network_shapes(config: DiffusionConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of our network's tensors, from a network on the meta device."""
    with on_meta_device():
        state = DiffusionModel(config).network.state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def import_tensors(
    path: Path,
    config: DiffusionConfig,
    mapping_of: Callable[[str], TensorMapping],
    tensors: Mapping[str, Tensor],
    constants: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return our network's tensors, as float32 copies.

    Args:
        path: of the file, for errors.
        config: configuration that the tensors must fit.
        mapping_of: returns the mapping of the tensor with our name.
        tensors: tensors of the checkpoint by their names.
        constants: tensors that may also be there by name, with exactly these values.

    Raises:
        ModelError: when tensors are missing, left over, of another shape, or not finite.
    """
    shapes, constants = network_shapes(config), constants or {}
    mappings = [mapping_of(name) for name in shapes]
    expected = {name for mapping in mappings for name in mapping.theirs}
    problems = [f"{name} is missing" for name in sorted(expected - tensors.keys())]
    problems += [
        f"{name} is not part of this network" for name in sorted(tensors.keys() - expected - constants.keys())
    ]
    problems += [
        f"{name} differs from its value in all such models"
        for name in sorted(tensors.keys() & constants.keys())
        if tensors[name].numel() != constants[name].numel()
        or not torch.allclose(tensors[name].float().flatten(), constants[name].flatten(), atol=1e-4)
    ]
    imported = {}
    for mapping in mappings:
        if all(name in tensors for name in mapping.theirs):
            parts = {name: tensors[name] for name in mapping.theirs}
            wrong = _problems(mapping, parts, shapes[mapping.ours])
            problems += wrong
            if not wrong:
                imported[mapping.ours] = _joined(mapping, list(parts.values()), shapes[mapping.ours])
    if problems:
        more = f" and {len(problems) - 3} more problems" if len(problems) > 3 else ""
        raise ModelError(f"{path} is not a complete model: {'; '.join(problems[:3])}{more}; get it again.")
    return {name: tensor.to(torch.float32, copy=True) for name, tensor in imported.items()}


def identical(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same type, shape and values."""
    return one.dtype == other.dtype and torch.equal(one, other)


def _joined(mapping: TensorMapping, parts: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return our tensor, made of parts without problems."""
    whole = parts[0] if mapping.tied or len(parts) == 1 else torch.cat(list(parts))
    return whole.reshape(shape)


def _problems(mapping: TensorMapping, parts: Mapping[str, Tensor], shape: tuple[int, ...]) -> list[str]:
    """List why the parts do not make our tensor of that shape; dimensions of size 1 are ignored."""
    if not mapping.tied and len(parts) > 1:
        shape = (shape[0] // len(parts), *shape[1:])
    problems = []
    for name, part in parts.items():
        if [size for size in part.shape if size != 1] != [size for size in shape if size != 1]:
            problems.append(f"{name} has shape {tuple(part.shape)} instead of {shape}")
        elif not part.is_floating_point():
            problems.append(f"{name} holds {part.dtype} instead of floating-point numbers")
        elif not part.isfinite().all():
            problems.append(f"{name} holds values that are not finite numbers")
    first, *others = parts.values()
    if mapping.tied and not problems and not all(identical(first, other) for other in others):
        problems.append(f"{' and '.join(parts)} should be equal and are not")
    return problems


def export_tensors(mappings: Sequence[TensorMapping], network: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by their names from our network's `state_dict`; the inverse of `import_tensors`."""
    tensors = {}
    for mapping in mappings:
        whole = network[mapping.ours].detach().cpu()
        whole = whole if mapping.one is None else whole.unsqueeze(mapping.one)
        parts = [whole] * len(mapping.theirs) if mapping.tied else whole.chunk(len(mapping.theirs))
        tensors.update({name: part.contiguous() for name, part in zip(mapping.theirs, parts, strict=True)})
    return tensors
