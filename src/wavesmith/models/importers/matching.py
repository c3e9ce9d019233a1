"""From tensors by their names to tensors by ours, and back: all, or an error that lists what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.errors import ModelError
from wavesmith.families import on_meta_device
from wavesmith.families.diffusion import DiffusionConfig, DiffusionModel


class Piece(NamedTuple):
    """One tensor of our network and what it is called elsewhere.

    Attributes:
        ours: its name in our network.
        theirs: its name there; several names hold its rows, one block after the other.
        tied: several names hold the whole of it each.
        one: where there is a dimension of size 1 there that ours has not.
    """

    ours: str
    theirs: tuple[str, ...]
    tied: bool = False
    one: int | None = None


def network_shapes(config: DiffusionConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of our network's tensors, from a network that takes no memory."""
    with on_meta_device():
        state = DiffusionModel(config).network.state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def gathered(
    path: Path,
    config: DiffusionConfig,
    piece_of: Callable[[str], Piece],
    tensors: Mapping[str, Tensor],
    constants: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Our network's tensors, float32, in memory of their own.

    Args:
        path: for errors.
        config: what the tensors must fit.
        piece_of: what the tensor with our name is called there.
        tensors: by their names.
        constants: what may be there as well, by its name, and if so must be this.

    Raises:
        ModelError: when tensors are missing, left over, of another shape, or not finite.
    """
    shapes, constants = network_shapes(config), constants or {}
    pieces = [piece_of(name) for name in shapes]
    wanted = {name for piece in pieces for name in piece.theirs}
    problems = [f"{name} is missing" for name in sorted(wanted - tensors.keys())]
    problems += [f"{name} is superfluous" for name in sorted(tensors.keys() - wanted - constants.keys())]
    problems += [
        f"{name} is not what it is in all such models"
        for name in sorted(tensors.keys() & constants.keys())
        if tensors[name].numel() != constants[name].numel()
        or not torch.allclose(tensors[name].float().flatten(), constants[name].flatten(), atol=1e-4)
    ]
    found = {}
    for piece in pieces:
        if all(name in tensors for name in piece.theirs):
            parts = {name: tensors[name] for name in piece.theirs}
            wrong = _problems(piece, parts, shapes[piece.ours])
            problems += wrong
            if not wrong:
                found[piece.ours] = _joined(piece, list(parts.values()), shapes[piece.ours])
    if problems:
        more = f" and {len(problems) - 3} more problems" if len(problems) > 3 else ""
        raise ModelError(
            f"{path} does not hold the whole of a model: {'; '.join(problems[:3])}{more}; get it again."
        )
    return {name: tensor.to(torch.float32, copy=True) for name, tensor in found.items()}


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are of one type and shape and hold the same numbers."""
    return one.dtype == other.dtype and torch.equal(one, other)


def _joined(piece: Piece, parts: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Our tensor, of parts without problems."""
    whole = parts[0] if piece.tied or len(parts) == 1 else torch.cat(list(parts))
    return whole.reshape(shape)


def _problems(piece: Piece, parts: Mapping[str, Tensor], shape: tuple[int, ...]) -> list[str]:
    """What keeps the parts from being our tensor of that shape; dimensions of size 1 do not count."""
    if not piece.tied and len(parts) > 1:
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
    if piece.tied and not problems and not all(same(first, other) for other in others):
        problems.append(f"{' and '.join(parts)} should be equal and are not")
    return problems


def spread(pieces: Sequence[Piece], network: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `gathered`: tensors by their names, from our network's `state_dict`."""
    tensors = {}
    for piece in pieces:
        whole = network[piece.ours].detach().cpu()
        whole = whole if piece.one is None else whole.unsqueeze(piece.one)
        parts = [whole] * len(piece.theirs) if piece.tied else whole.chunk(len(piece.theirs))
        tensors.update({name: part.contiguous() for name, part in zip(piece.theirs, parts, strict=True)})
    return tensors
