"""wavesmith: generative audio that runs on the machine its user owns.

`load` a model, `generate` sounds, make one `again` from its recipe, `scan` a folder and `train` on it. What
needs torch is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from wavesmith.errors import WavesmithError
from wavesmith.lazy import exports
from wavesmith.recipe import VERSION as __version__
from wavesmith.recipe import Recipe

if TYPE_CHECKING:
    from wavesmith.data.scan import scan
    from wavesmith.models import Model, load
    from wavesmith.sound import Sound
    from wavesmith.training import train
    from wavesmith.verbs.again import again
    from wavesmith.verbs.generate import generate, stream
else:
    __getattr__ = exports(
        __name__,
        {
            "Model": "wavesmith.models",
            "Sound": "wavesmith.sound",
            "again": "wavesmith.verbs",
            "generate": "wavesmith.verbs",
            "load": "wavesmith.models",
            "scan": "wavesmith.data",
            "stream": "wavesmith.verbs",
            "train": "wavesmith.training",
        },
    )

__all__ = [
    "Model",
    "Recipe",
    "Sound",
    "WavesmithError",
    "__version__",
    "again",
    "generate",
    "load",
    "scan",
    "stream",
    "train",
]


def __dir__() -> list[str]:
    return __all__
