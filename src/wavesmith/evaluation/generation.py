"""Generate the sounds of an evaluation into a folder; an interrupted run continues."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wavesmith.audio_file import read_header
from wavesmith.data.manifest import MANIFEST
from wavesmith.errors import AudioError
from wavesmith.files import replacing
from wavesmith.models import Model
from wavesmith.recipe import Recipe
from wavesmith.verbs import stream

Progress = Callable[[str, int, int], None]


def counts_per_label(labels: tuple[str, ...], real: Mapping[str, int], count: int) -> dict[str | None, int]:
    """Return how many sounds of each label to generate, `count` in all, in proportion to the real ones.

    Distances thus do not depend on the mix of labels. All labels get the same number if none of them is among
    the real ones; {None: count} for a model without labels.
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


def generate_sounds(
    model: Model,
    folder: Path,
    counts: Mapping[str | None, int],
    *,
    seed: int,
    progress: Progress | None = None,
    **settings: Any,
) -> list[str]:
    """Generate sounds of each label, except those that the folder has already; return all their paths.

    The folder is a data set whose manifest has the labels.

    Raises:
        RequestError: for settings that the model cannot follow.
        WavesmithError: when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prefix = {label: _prefix(number, label) for number, label in enumerate(sorted(counts, key=str))}
    paths = {label: [f"{prefix[label]}{k:05d}.wav" for k in range(count)] for label, count in counts.items()}
    with replacing(folder / MANIFEST) as temporary:
        lines = (
            json.dumps({"path": path, "label": label}) + "\n" for label in paths for path in paths[label]
        )
        temporary.write_text("".join(lines), encoding="utf-8")
    all_paths = [path for label in paths for path in paths[label]]
    done = 0

    def count_one() -> None:
        nonlocal done
        done += 1
        if progress:
            progress("generating sounds", done, len(all_paths))

    for label, count in counts.items():
        targets = [folder / path for path in paths[label]]

        def exists(recipe: Recipe, targets: list[Path] = targets) -> bool:
            same = _recipe_of(targets[recipe.index]) == recipe
            if same:
                count_one()
            return same

        for sound in stream(model, count, label=label, seed=seed, skip=exists, **settings):
            assert sound.recipe
            sound.write(targets[sound.recipe.index])
            count_one()
    return all_paths


def _recipe_of(path: Path) -> Recipe | None:
    try:
        return read_header(path)[3]
    except AudioError:
        return None


def _prefix(number: int, label: str | None) -> str:
    """Return a safe sub-folder for a label; none for no label, because a sub-folder would be a label."""
    return "" if label is None else f"{number:02d}-" + re.sub(r"[^\w-]", "_", label)[:40] + "/"
