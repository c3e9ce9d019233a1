"""From a folder of sounds to a model folder, on Lightning: interrupted and gone on with at will.

`train` does it all. Recipes (`TrainingRecipe`, `read_recipe`) say what is built and how; `choose` makes one
for a folder. The demos along the way are made by the same `generate` that users call.
"""

from typing import TYPE_CHECKING

from wavesmith.lazy import exports
from wavesmith.training.config import ModelRecipe, TrainingConfig, TrainingRecipe, read_recipe, recipe_names
from wavesmith.training.defaults import choose

if TYPE_CHECKING:
    from wavesmith.training.run import train
else:  # Lightning takes seconds to import, and reading a recipe does not need it
    __getattr__ = exports(__name__, {"train": "wavesmith.training.run"})

__all__ = [
    "ModelRecipe",
    "TrainingConfig",
    "TrainingRecipe",
    "choose",
    "read_recipe",
    "recipe_names",
    "train",
]
