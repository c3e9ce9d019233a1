"""The training loop: objectives are minimised by optimizer steps, on any device; it knows no files.

`Trainer` takes the steps, `fit` repeats them, `PowerAverages` averages the weights.
"""

from typing import TYPE_CHECKING

from wavesmith.fitting.config import FitConfig
from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.fitting.ema import PowerAverages
    from wavesmith.fitting.interruption import stop_signals
    from wavesmith.fitting.trainer import Losses, Trainer, TrainingDiverged, fit
else:  # Fabric takes seconds to import
    __getattr__ = exports(
        __name__,
        {
            "Losses": "wavesmith.fitting.trainer",
            "PowerAverages": "wavesmith.fitting.ema",
            "Trainer": "wavesmith.fitting.trainer",
            "TrainingDiverged": "wavesmith.fitting.trainer",
            "fit": "wavesmith.fitting.trainer",
            "stop_signals": "wavesmith.fitting.interruption",
        },
    )

__all__ = ["FitConfig", "Losses", "PowerAverages", "Trainer", "TrainingDiverged", "fit", "stop_signals"]
