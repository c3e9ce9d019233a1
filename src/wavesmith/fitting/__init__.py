"""The training loop: objectives are minimised by optimizer steps, on any device; it knows no files.

`Trainer` takes the steps, `fit` repeats them, `PowerAverages` averages the weights.
"""

from typing import TYPE_CHECKING

from wavesmith.fitting.config import FitConfig
from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.fitting.ema import PowerAverages
    from wavesmith.fitting.trainer import Losses, Trainer, TrainingDiverged, fit, stop_signals
else:  # Fabric takes seconds to import
    __getattr__ = exports(
        __name__,
        {"PowerAverages": "wavesmith.fitting.ema"}
        | dict.fromkeys(
            ("Losses", "Trainer", "TrainingDiverged", "fit", "stop_signals"), "wavesmith.fitting.trainer"
        ),
    )

__all__ = ["FitConfig", "Losses", "PowerAverages", "Trainer", "TrainingDiverged", "fit", "stop_signals"]
