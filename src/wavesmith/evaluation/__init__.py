"""Measures of generated sounds: realism, diversity, label accuracy, faults and memorisation.

`evaluate` generates sounds with a model, measures them beside real ones and writes a report. Distances are
measured between embeddings (`wavesmith.embeddings`), which a `EmbeddingLibrary` has of a folder of sounds.
"""

from typing import TYPE_CHECKING

from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.evaluation.bootstrap import Estimate
    from wavesmith.evaluation.card import card_table
    from wavesmith.evaluation.comparison import Distances, compare
    from wavesmith.evaluation.distances import (
        Overlap,
        frechet_audio_distance,
        frechet_distance,
        kernel_audio_distance,
        overlap,
    )
    from wavesmith.evaluation.embedding_library import EmbeddingLibrary, build_library
    from wavesmith.evaluation.faults import FaultSummary, SoundCheck, check_sound, check_sounds
    from wavesmith.evaluation.labels import LabelReport
    from wavesmith.evaluation.report import Report
    from wavesmith.evaluation.run import evaluate
    from wavesmith.evaluation.similarity import SoundComparer
else:  # most need torch, which the processes that read sounds do not
    __getattr__ = exports(
        __name__,
        {
            "Distances": "wavesmith.evaluation.comparison",
            "Estimate": "wavesmith.evaluation.bootstrap",
            "FaultSummary": "wavesmith.evaluation.faults",
            "LabelReport": "wavesmith.evaluation.labels",
            "EmbeddingLibrary": "wavesmith.evaluation.embedding_library",
            "Overlap": "wavesmith.evaluation.distances",
            "Report": "wavesmith.evaluation.report",
            "SoundCheck": "wavesmith.evaluation.faults",
            "SoundComparer": "wavesmith.evaluation.similarity",
            "build_library": "wavesmith.evaluation.embedding_library",
            "card_table": "wavesmith.evaluation.card",
            "check_sound": "wavesmith.evaluation.faults",
            "check_sounds": "wavesmith.evaluation.faults",
            "compare": "wavesmith.evaluation.comparison",
            "evaluate": "wavesmith.evaluation.run",
            "frechet_audio_distance": "wavesmith.evaluation.distances",
            "frechet_distance": "wavesmith.evaluation.distances",
            "kernel_audio_distance": "wavesmith.evaluation.distances",
            "overlap": "wavesmith.evaluation.distances",
        },
    )

__all__ = [
    "Distances",
    "EmbeddingLibrary",
    "Estimate",
    "FaultSummary",
    "LabelReport",
    "Overlap",
    "Report",
    "SoundCheck",
    "SoundComparer",
    "build_library",
    "card_table",
    "check_sound",
    "check_sounds",
    "compare",
    "evaluate",
    "frechet_audio_distance",
    "frechet_distance",
    "kernel_audio_distance",
    "overlap",
]
