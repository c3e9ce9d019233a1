"""Sounds to be evaluated: a model fills a folder with them, which an interruption leaves as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wavesmith.data.manifest import MANIFEST
from wavesmith.errors import AudioError
from wavesmith.files import replacing
from wavesmith.models import Model
from wavesmith.recipe import Recipe
from wavesmith.sound import read_header
from wavesmith.verbs import stream

Progress = Callable[[str, int, int], None]


def quota(labels: tuple[str, ...], real: Mapping[str, int], count: int) -> dict[str | None, int]:
    """How many sounds of each label to make, `count` in all: in proportion to the real ones.

    So the mix of labels adds nothing to the distances. All labels alike if none of them is among the real
    ones; {None: count} for a model without labels.
    """
    if not labels:
        return {None: count}
    weights = {label: real.get(label, 0) for label in labels}
    if not any(weights.values()):
        weights = dict.fromkeys(labels, 1)
    total = sum(weights.values())
    shares = {label: count * weight / total for label, weight in weights.items()}
    whole: dict[str | None, int] = {label: int(share) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: int(shares[label]) - shares[label])
    for label in by_remainder[: count - sum(whole.values())]:
        whole[label] += 1
    return {label: number for label, number in whole.items() if number}


def make(
    model: Model,
    folder: Path,
    counts: Mapping[str | None, int],
    *,
    seed: int,
    progress: Progress | None = None,
    **choices: Any,
) -> list[str]:
    """Make so many sounds of each label, but for those that the folder has already; returns all their paths.

    The folder is a data set, whose manifest says the labels.

    Raises:
        RequestError: for a request that the model cannot follow.
        WavesmithError: when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = {label: _place(number, label) for number, label in enumerate(sorted(counts, key=str))}
    paths = {label: [f"{place[label]}{k:05d}.wav" for k in range(count)] for label, count in counts.items()}
    with replacing(folder / MANIFEST) as temporary:
        lines = (
            json.dumps({"path": path, "label": label}) + "\n" for label in paths for path in paths[label]
        )
        temporary.write_text("".join(lines), encoding="utf-8")
    wanted = [path for label in paths for path in paths[label]]
    done = 0

    def count_one() -> None:
        nonlocal done
        done += 1
        if progress:
            progress("making sounds", done, len(wanted))

    for label, count in counts.items():
        targets = [folder / path for path in paths[label]]

        def there(recipe: Recipe, targets: list[Path] = targets) -> bool:
            known = _recipe_of(targets[recipe.index]) == recipe
            if known:
                count_one()
            return known

        for sound in stream(model, count, label=label, seed=seed, skip=there, **choices):
            assert sound.recipe
            sound.write(targets[sound.recipe.index])
            count_one()
    return wanted


def _recipe_of(path: Path) -> Recipe | None:
    try:
        return read_header(path)[3]
    except AudioError:
        return None


def _place(number: int, label: str | None) -> str:
    """A folder for a label, which may hold anything; none for no label, as a folder would be one."""
    return "" if label is None else f"{number:02d}-" + re.sub(r"[^\w-]", "_", label)[:40] + "/"
