"""The pictures of the bundled model: its first sounds alone, and beside real ones.

python benchmarks/drums_pictures.py DRUMS --out docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wavesmith.data import ScannedFile, scan, split
from wavesmith.models import load
from wavesmith.picture import sheet, side_by_side
from wavesmith.sound import Sound
from wavesmith.training import load_config
from wavesmith.verbs import generate

SIDE, ALONE = 16, 6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="drums")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model, config = load(options.model), load_config("drums")
    files = [f for f in scan(options.data).files if f.licence_basis == config.data.basis]
    kept, _ = split(files, config.training.held_out, config.training.seed)
    made = {label: generate(model, SIDE, label=label, seed=options.seed) for label in model.labels}
    real = {label: [read(options.data, f, model.rate) for f in some(kept, label)] for label in model.labels}
    title = f"{SIDE} training sounds (left) and the first {SIDE} generated ones (right) per label"
    side_by_side(real, made, options.out / "drums-real-and-generated.png", title, seconds=1.0)
    sheet({label: sounds[:ALONE] for label, sounds in made.items()}, options.out / "generated.png")


def some(files: list[ScannedFile], label: str) -> list[ScannedFile]:
    """So many of a label, evenly picked."""
    found = [file for file in files if file.label == label]
    return [found[k * len(found) // SIDE] for k in range(SIDE)]


def read(folder: Path, file: ScannedFile, rate: int) -> Sound:
    sound = Sound.read(folder / file.path).resample(rate).stereo()
    return sound.crop(min(sound.frames, rate))


if __name__ == "__main__":
    main()
