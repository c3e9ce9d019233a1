"""wavesmith: generative audio that runs on the machine its user owns.

`load` a model and `generate` sounds with it, or `vary`, `restyle`, `morph`, `inpaint`, `extend`, `loop`,
`upscale` and `clean` sounds of your own; `make_kit` to play; make a sound `again` from its recipe; `credits`
says whom to name for it; `scan` a folder and `train` on it. What needs torch is imported when it is first
asked for.
"""

from typing import TYPE_CHECKING

from wavesmith.errors import WavesmithError
from wavesmith.lazy import exports
from wavesmith.recipe import VERSION as __version__
from wavesmith.recipe import Recipe

if TYPE_CHECKING:
    from wavesmith.attribution import credits
    from wavesmith.data.scan import scan
    from wavesmith.evaluation import evaluate
    from wavesmith.models import Model, load
    from wavesmith.sound import Sound
    from wavesmith.training import train
    from wavesmith.verbs.again import again
    from wavesmith.verbs.clean import clean
    from wavesmith.verbs.generate import generate, stream
    from wavesmith.verbs.inpaint import extend, inpaint
    from wavesmith.verbs.kit import make_kit
    from wavesmith.verbs.like import generate_like
    from wavesmith.verbs.loop import loop
    from wavesmith.verbs.morph import morph, morph_labels
    from wavesmith.verbs.restyle import restyle, restyle_file
    from wavesmith.verbs.upscale import upscale
    from wavesmith.verbs.vary import vary
else:
    __getattr__ = exports(
        __name__,
        {
            "Model": "wavesmith.models",
            "Sound": "wavesmith.sound",
            "again": "wavesmith.verbs",
            "clean": "wavesmith.verbs",
            "credits": "wavesmith.attribution",
            "evaluate": "wavesmith.evaluation",
            "extend": "wavesmith.verbs",
            "generate": "wavesmith.verbs",
            "generate_like": "wavesmith.verbs",
            "inpaint": "wavesmith.verbs",
            "load": "wavesmith.models",
            "loop": "wavesmith.verbs",
            "make_kit": "wavesmith.verbs",
            "morph": "wavesmith.verbs",
            "morph_labels": "wavesmith.verbs",
            "restyle": "wavesmith.verbs",
            "restyle_file": "wavesmith.verbs",
            "scan": "wavesmith.data",
            "stream": "wavesmith.verbs",
            "train": "wavesmith.training",
            "upscale": "wavesmith.verbs",
            "vary": "wavesmith.verbs",
        },
    )

__all__ = [
    "Model",
    "Recipe",
    "Sound",
    "WavesmithError",
    "__version__",
    "again",
    "clean",
    "credits",
    "evaluate",
    "extend",
    "generate",
    "generate_like",
    "inpaint",
    "load",
    "loop",
    "make_kit",
    "morph",
    "morph_labels",
    "restyle",
    "restyle_file",
    "scan",
    "stream",
    "train",
    "upscale",
    "vary",
]


def __dir__() -> list[str]:
    return __all__
