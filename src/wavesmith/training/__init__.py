"""From a folder of sounds to a model folder, on Lightning: interrupted and gone on with at will.

`train` does it all. Recipes (`TrainingRecipe`, `read_recipe`) say what is built and how; `choose` makes one
for a folder. The demos along the way are made by the same `generate` that users call.
"""

from wavesmith.training.choose import choose
from wavesmith.training.config import ModelRecipe, TrainingConfig, TrainingRecipe, read_recipe, recipe_names
from wavesmith.training.run import train

__all__ = [
    "ModelRecipe",
    "TrainingConfig",
    "TrainingRecipe",
    "choose",
    "read_recipe",
    "recipe_names",
    "train",
]
