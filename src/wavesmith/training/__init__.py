"""From a folder of sounds to a model folder: any family, interrupted and resumed at will.

`train` does it all; `trainer` is the loop. A `RunConfig` says what is built and how it is trained:
`load_config` reads one, `default_config` chooses one for a folder of sounds.
"""

from typing import TYPE_CHECKING

from wavesmith.lazy import exports
from wavesmith.training.config import DataConfig, RunConfig, TrainingConfig, config_names, load_config
from wavesmith.training.defaults import default_config

if TYPE_CHECKING:
    from wavesmith.training.run import train
else:  # Fabric takes seconds to import, and reading a configuration does not need it
    __getattr__ = exports(__name__, {"train": "wavesmith.training.run"})

__all__ = [
    "DataConfig",
    "RunConfig",
    "TrainingConfig",
    "config_names",
    "default_config",
    "load_config",
    "train",
]
