"""The folder of a training run: a usable model at its top, everything about the run in `training/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wavesmith.data import ScannedFile
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.files import replacing
from wavesmith.models import (
    ATTRIBUTION,
    Model,
    Provenance,
    load_folder,
    provenance_of,
    save_folder,
    save_provenance,
)
from wavesmith.models.provenance import sources_table
from wavesmith.networks import parameters
from wavesmith.picture import sheet
from wavesmith.recipe import VERSION
from wavesmith.sound import Sound
from wavesmith.training.config import TrainingRecipe
from wavesmith.verbs import generate

TRAINING = Path("training")
LAST = TRAINING / "last.ckpt"
LOG = TRAINING / "log.jsonl"
CURVES = TRAINING / "curves.png"
RECIPE = TRAINING / "recipe.yaml"
DEMO_SOUNDS = 4


@dataclass(frozen=True)
class Run:
    """Where a run keeps its things, and what its card says.

    Attributes:
        folder: the model's folder.
        recipe: what was asked for.
        files: the sounds that are trained on.
        held_out: those that are kept for judging.
        base: the model that training started from, if any.
    """

    folder: Path
    recipe: TrainingRecipe
    files: Sequence[ScannedFile]
    held_out: Sequence[ScannedFile] = ()
    base: Model | None = None

    def write_recipe(self) -> None:
        """Keep the recipe, by which the same command goes on and anybody can train the same model."""
        with replacing(self.folder / RECIPE) as temporary:
            temporary.write_text(self.recipe.to_yaml(), encoding="utf-8")

    def export(self, family: DiffusionModel, seen: int, held_out: float | None) -> None:
        """Write the model folder from the weights that the family has now."""
        save_folder(self.folder, family, self.card(family, seen, held_out))
        save_provenance(self.folder, self.provenance)

    @cached_property
    def provenance(self) -> Provenance:
        """What the model is trained on."""
        return provenance_of(self.files, self.held_out, self.base)

    def demo(self, seen: int) -> list[Sound]:
        """Make sounds with the saved model by the `generate` that users call, and a picture of them."""
        model = load_folder(self.folder)
        demos = self.folder / TRAINING / "demos" / f"{seen:08d}"
        rows = {}
        for label in model.labels or (None,):
            sounds = generate(model, DEMO_SOUNDS, label=label, seed=0)
            for k, sound in enumerate(sounds):
                sound.write(demos / f"{_file_name(label or 'sound')}-{k}.wav")
            rows[label or "sound"] = sounds
        sheet(rows, demos / "mel.png", title=f"after {seen} examples")
        return [sound for sounds in rows.values() for sound in sounds]

    def card(self, family: DiffusionModel, seen: int, held_out: float | None) -> str:
        """The model card: what it is, what it was made of, whom to credit."""
        config = family.config
        labels = ", ".join(config.labels) or "none"
        lines = [
            "---",
            "library_name: wavesmith",
            "tags: [audio, diffusion]",
            "---",
            f"# {self.folder.resolve().name}",
            "",
            f"Made with wavesmith {VERSION}. {config.length / config.rate:.2f} s at {config.rate} Hz, "
            f"{config.channels} channel(s); labels: {labels}; {parameters(family) / 1e6:.1f} M parameters; "
            f"{family.multiply_adds() / 1e6:.0f} M multiply-adds in each pass over a second.",
            "",
            f"Trained on {len(self.files)} sounds for {seen} examples (recipe in `{RECIPE}`).",
        ]
        if held_out is not None:
            lines += ["", f"Held-out loss at fixed noise: {held_out:.4f}."]
        lines += ["", "## Sounds it was trained on", "", *sources_table(self.provenance.sources)]
        lines += ["", f"The same for machines, with the hash of every file, is in `{ATTRIBUTION}`."]
        if base := self.base:
            lines += [
                "",
                f"## It started from `{base.name}`, whose card says",
                "",
                _without_header(base.card),
            ]
        return "\n".join(lines) + "\n"


def _file_name(label: str) -> str:
    """A label as part of a file's name: a manifest may call a class anything, such as `../tom`."""
    return re.sub(r"[^\w -]", "_", label)


def _without_header(card: str) -> str:
    """A card without its YAML header, which only makes sense at the top of a file."""
    return re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
