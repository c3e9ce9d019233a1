"""The picture of the noise: its log power in bands and log-spaced times, and how wide it is.

Time is counted in blocks of an MDCT of hop 128. Bands are narrow where hearing is, times are short where a
drum changes: what lies between is noise, drawn afresh, and no ear knows it again.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.transforms.base import constant

HOP = 128
FLOOR = 1e-9  # power of what counts as silence, at a peak of 1
NARROWEST, NARROW, WIDEST = -12.0, -9.0, 6.0  # log of side over mid power; below NARROW there is no side
FALL = 20.0  # nepers a second that the picture falls by after the end
MASKING = 0.5  # share of the modes' power in a cell that the noise is heard against
FAINTEST = 0.01  # share of its power that noise keeps there at least
SMOOTH, ATTACK_SMOOTH = 20, 6  # lowest lines that are smoothed, in blocks and in short blocks
ATTACK = 4  # first blocks, each split into
SPLIT = 4  # short ones
ATTACK_WIDTHS = ((6, 1), (5, 2), (4, 4))  # (bands, lines in each), 32 in all
WIDTHS = ((8, 1), (6, 2), (5, 3), (5, 4), (4, 6), (5, 8), (1, 9))  # (bands, lines in each), 128 in all
STAYS = ((16, 1), (16, 2), (16, 4), (16, 8), (16, 18))  # (times, blocks in each): 528 blocks, 1.53 s
SIDE_BANDS = 10
SIDE_TIMES = 20


def edges(sizes: tuple[tuple[int, int], ...]) -> list[int]:
    """Where cells begin, and where the last ends."""
    at = [0]
    for count, size in sizes:
        for _ in range(count):
            at.append(at[-1] + size)
    return at


BAND_EDGES = edges(WIDTHS)
TIME_EDGES = edges(STAYS)
BANDS = len(BAND_EDGES) - 1
TIMES = len(TIME_EDGES) - 1
BLOCKS = TIME_EDGES[-1]
ATTACK_EDGES = edges(ATTACK_WIDTHS)
ATTACK_BANDS = len(ATTACK_EDGES) - 1
ATTACK_TIMES = ATTACK * SPLIT


@constant
def kaiser_slope(size: int, alpha: float = 4.0) -> Tensor:
    """The two factors of each butterfly for the Kaiser-Bessel-derived window (Fielder et al. 1996).

    A kick is 90 dB louder at 50 Hz than at 5 kHz; with the sine window it would leak there, as hiss.
    """
    sums = torch.kaiser_window(size + 1, periodic=False, beta=math.pi * alpha, dtype=torch.float64).cumsum(0)
    window = (sums[:-1] / sums[-1]).sqrt().float()
    return torch.stack([window[size // 2 :], window[: size // 2].flip(0)])


def averaging(at: list[int]) -> Tensor:
    """Matrix `[at[-1], cells]` that takes means over cells."""
    matrix = torch.zeros(at[-1], len(at) - 1)
    for cell, (start, stop) in enumerate(pairwise(at)):
        matrix[start:stop, cell] = 1 / (stop - start)
    return matrix


def between(at: list[int], blocks: int) -> Tensor:
    """Matrix `[cells, blocks]` that interpolates between the middles of cells, and holds the ends."""
    middle = torch.tensor([(a + b) / 2 for a, b in pairwise(at)])
    place = torch.arange(blocks) + 0.5
    right = torch.searchsorted(middle, place).clamp(1, len(middle) - 1)
    left = right - 1
    share = ((place - middle[left]) / (middle[right] - middle[left])).clamp(0, 1)
    matrix = torch.zeros(len(middle), blocks)
    matrix[left, torch.arange(blocks)] = 1 - share
    matrix[right, torch.arange(blocks)] += share
    return matrix


def fitted(spectrum: Tensor) -> Tensor:
    """MDCT `[..., 128, T]` cut or filled with silence to `BLOCKS` blocks."""
    return F.pad(spectrum[..., :BLOCKS], (0, max(0, BLOCKS - spectrum.shape[-1])))


class NoisePicture(NamedTuple):
    """Where and when the noise of B sounds has power.

    Attributes:
        attack: log power of the middle in the first 12 ms, in short blocks,
            `[B, ATTACK_BANDS, ATTACK_TIMES]`.
        body: log power of the middle, `[B, BANDS, TIMES]`; its first `ATTACK` times are those of the attack
            and say nothing.
        width: log of side over middle power, `[B, SIDE_BANDS, SIDE_TIMES]`.
    """

    attack: Tensor
    body: Tensor
    width: Tensor


def taken(rest: Tensor, rung: Tensor, end: Tensor, block: float) -> NoisePicture:
    """The picture of MDCTs `[B, C, 128, T]` of what is left beside modes, whose own MDCT is `rung`.

    Where modes are much louder the noise is painted fainter than it is: it is their error more than a noise.
    `block` is how many seconds a block lasts. After the `end` in seconds `[B]` the picture falls evenly,
    whatever there is: the end says it better.
    """
    power, loud = fitted(rest).square(), fitted(rung).square()
    bands, times = averaging(BAND_EDGES).to(power), averaging(TIME_EDGES).to(power)
    short = averaging(ATTACK_EDGES).to(power)
    early = [_smoothed(_unsplit(one[:, 0]), ATTACK_SMOOTH) for one in (power, loud)]
    attack = _unmasked(short.T @ early[0], short.T @ early[1])
    power, loud = _smoothed(power, SMOOTH, ATTACK), _smoothed(loud, SMOOTH, ATTACK)
    cells = _unmasked(bands.T @ (power @ times), bands.T @ (loud @ times))
    body = (cells[:, 0] + FLOOR).log()
    middle = torch.tensor([(a + b) / 2 for a, b in pairwise(TIME_EDGES)]).to(power)
    start = torch.tensor(TIME_EDGES[:-1]).to(power)
    whole = start[None] + 1 <= end[:, None] / block
    last = (whole.sum(1) - 1).clamp(min=0)
    after = (middle[None] - middle[last][:, None]).clamp(min=0) * block
    held = body.gather(2, last[:, None, None].expand(-1, BANDS, 1)) - FALL * after[:, None]
    body = torch.where(whole[:, None], body, held.clamp(min=math.log(FLOOR)))
    width = body.new_full((len(body), SIDE_BANDS, SIDE_TIMES), NARROWEST)
    if rest.shape[1] == 2:
        coarse = _coarse(cells)
        sides = (coarse[:, 1] + 1e-3 * FLOOR).log() - (coarse[:, 0] + 1e-3 * FLOOR).log()
        width = torch.where(coarse.sum(1) > 4 * FLOOR, sides, width).clamp(NARROWEST, WIDEST)
        for time in range(1, SIDE_TIMES):  # silence is as wide as what was before it
            silent = coarse[..., time].sum(1) <= 4 * FLOOR
            width[..., time] = torch.where(silent, width[..., time - 1], width[..., time])
    return NoisePicture((attack + FLOOR).log(), body, width)


def gains(picture: NoisePicture, channels: int, blocks: int) -> Tensor:
    """Amplitudes `[B, C, 128, blocks]` under which noise of unit variance has that picture."""
    half = 0.5 * picture.body @ between(TIME_EDGES, blocks).to(picture.body)
    lines = half.clamp(max=8.0).exp().repeat_interleave(_counts(BAND_EDGES).to(half.device), dim=1)
    short = (0.5 * picture.attack).clamp(max=8.0).exp()
    short = short.repeat_interleave(_counts(ATTACK_EDGES).to(half.device), dim=1)
    lines = torch.cat([_split(short)[..., :blocks], lines[..., ATTACK:]], dim=-1)[:, None]
    if channels == 1:
        return lines
    side = (0.5 * _widened(picture.width, blocks)).clamp(0.5 * NARROWEST, 0.5 * WIDEST).exp()
    return torch.cat([lines, lines * side[:, None]], dim=1)


def sides(picture: NoisePicture, blocks: int) -> Tensor:
    """Where there is a side at all, `[B, 128, blocks]`: nowhere in (almost) mono sounds."""
    return _widened(picture.width, blocks) > NARROW


def _widened(width: Tensor, blocks: int) -> Tensor:
    lines = width @ between(_merged(TIME_EDGES, SIDE_TIMES), blocks).to(width)
    return lines.repeat_interleave(_counts(_merged(BAND_EDGES, SIDE_BANDS)).to(width.device), dim=1)


def _smoothed(power: Tensor, lines: int, start: int = 0) -> Tensor:
    """Powers `[..., lines, blocks]`, the lowest lines averaged with their neighbours in frequency and time.

    Cells of a single coefficient would say more of this noise than of all noise like it. Blocks before
    `start` are left alone.
    """
    kernel = power.new_tensor([1.0, 2.0, 1.0]) / 4
    low = power[..., : lines + 1, start:]
    smooth = F.pad(low.flatten(0, -3)[:, None], (1, 1, 1, 1), mode="replicate")
    smooth = F.conv2d(smooth, kernel.outer(kernel)[None, None])[:, 0].view_as(low)
    out = power.clone()
    out[..., :lines, start:] = smooth[..., :lines, :]
    return out


def _unmasked(power: Tensor, louder: Tensor) -> Tensor:
    return power * (power / (power + MASKING * louder + 1e-12)).square().clamp(min=FAINTEST)


def _unsplit(lines: Tensor) -> Tensor:
    """The attack of `[B, 128, T]`, line SPLIT * f + j being line f of short block j: `[B, 32, times]`."""
    return torch.unflatten(lines[..., :ATTACK], 1, (-1, SPLIT)).permute(0, 1, 3, 2).flatten(2)


def _split(lines: Tensor) -> Tensor:
    """The reverse of `_unsplit`: `[B, 32, ATTACK_TIMES]` to `[B, 128, ATTACK]`."""
    return torch.unflatten(lines, 2, (ATTACK, SPLIT)).permute(0, 1, 3, 2).flatten(1, 2)


def _counts(at: list[int]) -> Tensor:
    return torch.tensor([b - a for a, b in pairwise(at)])


def _merged(at: list[int], cells: int) -> list[int]:
    """Every few edges of a grid, so that as many cells are left; the last is longer if need be."""
    step = (len(at) - 1) / cells
    return [at[round(step * cell)] for cell in range(cells + 1)]


def _coarse(cells: Tensor) -> Tensor:
    """Mean powers `[..., BANDS, TIMES]` to the grid of the width, weighted by the sizes of cells."""
    for size, count, axis in ((BAND_EDGES, SIDE_BANDS, -2), (TIME_EDGES, SIDE_TIMES, -1)):
        fine = torch.tensor([float(b - a) for a, b in pairwise(size)]).to(cells)
        at = _merged(list(range(len(size))), count)
        matrix = torch.zeros(len(size) - 1, count, dtype=cells.dtype, device=cells.device)
        for cell, (start, stop) in enumerate(pairwise(at)):
            matrix[start:stop, cell] = fine[start:stop] / fine[start:stop].sum()
        cells = (cells.transpose(-2, -1) @ matrix).transpose(-2, -1) if axis == -2 else cells @ matrix
    return cells
