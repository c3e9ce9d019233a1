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
    from wavesmith.verbs import *
else:
    __getattr__ = exports(
        __name__,
        {
            "Model": "wavesmith.models",
            "Sound": "wavesmith.sound",
            "credits": "wavesmith.attribution",
            "evaluate": "wavesmith.evaluation",
            "load": "wavesmith.models",
            "scan": "wavesmith.data",
            "train": "wavesmith.training",
        },
        rest="wavesmith.verbs",
    )

__all__ = [
    "Model",
    "Recipe",
    "Sound",
    "WavesmithError",
    "__version__",
    "credits",
    "evaluate",
    "load",
    "scan",
    "train",
]


def __dir__() -> list[str]:
    from wavesmith import verbs

    return sorted({*__all__, *verbs.__all__})
