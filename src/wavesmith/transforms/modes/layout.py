"""The code as one row of numbers, and where in it each number stands.

Row of a stereo sound, D = 272 + 6 M + 19 * 146 numbers in four parts, each a run of tokens of equal width:

| part | tokens | numbers in each token |
|---|---|---|
| `whole` | 1 | log end (s), log(1 + glide) twice, log tau (s) twice, log(1 + onset in ms), relief (16) |
| `modes` | M | log frequency (Hz), log decay (1/s), signed roots of cosines and sines: middle, side |
| `attack` | 1 | 16 short times of 15 bands of log power, time by time, then 10 bands of width |
| `times` | 19 | 4 times of 34 bands of log power, time by time, then 10 bands of width |

Modes stand in the order of their energy. Frequencies may be anything; roots keep quiet modes quiet in the
loss. The level is no part of the row: rows are of sounds with a peak of 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.transforms.modes.analysis import FASTEST, GLIDE_RANGE, SLOWEST, TAU_RANGES
from wavesmith.transforms.modes.code import ModesCode
from wavesmith.transforms.modes.picture import (
    ATTACK,
    ATTACK_BANDS,
    ATTACK_TIMES,
    BANDS,
    FLOOR,
    NARROWEST,
    SIDE_BANDS,
    SIDE_TIMES,
    TIMES,
    WIDEST,
    NoisePicture,
)
from wavesmith.transforms.modes.resonance import Resonances
from wavesmith.transforms.modes.texture import GROUPS

GROUPED = TIMES // SIDE_TIMES
assert GROUPED == ATTACK
LOUDEST = 4.0  # of a mode's amplitude, at a peak of 1


class Part(NamedTuple):
    """A run of tokens of equal width in a row."""

    name: str
    tokens: int
    width: int


def parts(modes: int, channels: int) -> tuple[Part, ...]:
    """The layout of rows for that many modes and channels."""
    side = SIDE_BANDS if channels == 2 else 0
    return (
        Part("whole", 1, 6 + GROUPS),
        Part("modes", modes, 2 + 2 * channels),
        Part("attack", 1, ATTACK_BANDS * ATTACK_TIMES + side),
        Part("times", SIDE_TIMES - 1, GROUPED * BANDS + side),
    )


def size(layout: Sequence[Part]) -> int:
    """Numbers in a row."""
    return sum(part.tokens * part.width for part in layout)


def split(row: Tensor, layout: Sequence[Part]) -> dict[str, Tensor]:
    """Row `[B, D]` to tokens `[B, tokens, width]` of each part, by name."""
    pieces = torch.split(row, [part.tokens * part.width for part in layout], dim=1)
    return {
        part.name: torch.unflatten(piece, 1, (part.tokens, part.width))
        for part, piece in zip(layout, pieces, strict=True)
    }


def packed(code: ModesCode) -> Tensor:
    """A code as rows `[B, D]`."""
    modes = code.modes
    whole = torch.stack(
        [
            code.end.log(),
            *modes.glide.log1p().unbind(1),
            *modes.tau.log().unbind(1),
            (1000 * modes.onset).log1p(),
            *code.relief.unbind(1),
        ],
        dim=1,
    )
    roots = code.amplitude.sign() * code.amplitude.abs().sqrt()
    cos, sin = roots.chunk(2, dim=-1)  # [B, C, M]
    each = torch.stack([modes.frequency.log(), modes.decay.log()], dim=-1)
    each = torch.cat([each, torch.stack([cos, sin], dim=2).flatten(1, 2).transpose(1, 2)], dim=-1)
    attack = code.picture.attack.transpose(1, 2).flatten(1)
    times = torch.unflatten(
        code.picture.body[..., GROUPED:].transpose(1, 2), 1, (SIDE_TIMES - 1, GROUPED)
    ).flatten(2)
    if code.channels == 2:
        width = code.picture.width.transpose(1, 2)
        attack = torch.cat([attack, width[:, 0]], dim=-1)
        times = torch.cat([times, width[:, 1:]], dim=-1)
    return torch.cat([whole, each.flatten(1), attack, times.flatten(1)], dim=1)


def unpacked(row: Tensor, modes: int, channels: int) -> ModesCode:
    """The code of rows `[B, D]`, whatever numbers they hold: amplitudes, decays and levels are bounded."""
    part = split(torch.nan_to_num(row.float()), parts(modes, channels))
    whole, each, times = part["whole"][:, 0], part["modes"], part["times"]
    roots = torch.unflatten(each[..., 2:].transpose(1, 2), 1, (channels, 2))  # [B, C, 2, M]
    roots = roots.clamp(-math.sqrt(LOUDEST), math.sqrt(LOUDEST))
    quiet, loud = math.log(FLOOR), 3.0
    cells = ATTACK_BANDS * ATTACK_TIMES
    attack = torch.unflatten(part["attack"][:, 0, :cells], 1, (ATTACK_TIMES, ATTACK_BANDS)).transpose(1, 2)
    cells = GROUPED * BANDS
    body = torch.unflatten(times[..., :cells], 2, (GROUPED, BANDS)).flatten(1, 2).transpose(1, 2)
    body = torch.cat([body[..., :1].expand(-1, -1, GROUPED), body], dim=-1)
    width = body.new_full((len(row), SIDE_BANDS, SIDE_TIMES), NARROWEST)
    if channels == 2:
        sides = [part["attack"][..., ATTACK_BANDS * ATTACK_TIMES :], times[..., cells:]]
        width = torch.cat(sides, dim=1).transpose(1, 2).clamp(NARROWEST, WIDEST)
    picture = NoisePicture(attack.clamp(quiet, loud), body.clamp(quiet, loud), width)
    resonances = Resonances(
        frequency=each[..., 0].clamp(math.log(10.0), math.log(20_000.0)).exp(),
        decay=each[..., 1].clamp(math.log(SLOWEST), math.log(FASTEST)).exp(),
        glide=whole[:, 1:3].clamp(*map(math.log1p, GLIDE_RANGE)).expm1(),
        tau=whole[:, 3:5].clamp(*torch.tensor(TAU_RANGES).to(whole).log().T).exp(),
        onset=whole[:, 5].clamp(0, math.log1p(50.0)).expm1() / 1000,
    )
    return ModesCode(
        modes=resonances,
        amplitude=(roots.sign() * roots.square()).flatten(2),
        picture=picture,
        relief=whole[:, 6:].clamp(0, 2.5),
        end=whole[:, 0].clamp(math.log(0.005), math.log(10.0)).exp(),
        level=torch.ones_like(whole[:, 0]),
    )
