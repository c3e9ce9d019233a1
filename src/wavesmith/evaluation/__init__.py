"""Measures of generated sounds: how real, how clean, how much as asked, and how new they are.

`evaluate` makes sounds with a model, measures them beside real ones and writes a report. Below it, distances
are on vectors of an embedding (`wavesmith.embeddings`), which a `Library` makes of a folder of sounds.
"""

from typing import TYPE_CHECKING

from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.evaluation.bootstrap import Estimate
    from wavesmith.evaluation.card import card_table
    from wavesmith.evaluation.comparison import Distances, compare
    from wavesmith.evaluation.copies import Ear
    from wavesmith.evaluation.distances import (
        Overlap,
        frechet_audio_distance,
        frechet_distance,
        kernel_audio_distance,
        overlap,
    )
    from wavesmith.evaluation.embedding_library import Library, build
    from wavesmith.evaluation.faults import Checkup, Hygiene, checkup, hygiene
    from wavesmith.evaluation.labels import LabelReport
    from wavesmith.evaluation.report import Report
    from wavesmith.evaluation.run import evaluate
else:  # most need torch, which the processes that read sounds do not
    __getattr__ = exports(
        __name__,
        {
            "Checkup": "wavesmith.evaluation.faults",
            "Distances": "wavesmith.evaluation.comparison",
            "Ear": "wavesmith.evaluation.copies",
            "Estimate": "wavesmith.evaluation.bootstrap",
            "Hygiene": "wavesmith.evaluation.faults",
            "LabelReport": "wavesmith.evaluation.labels",
            "Library": "wavesmith.evaluation.embedding_library",
            "Overlap": "wavesmith.evaluation.distances",
            "Report": "wavesmith.evaluation.report",
            "build": "wavesmith.evaluation.embedding_library",
            "card_table": "wavesmith.evaluation.card",
            "checkup": "wavesmith.evaluation.faults",
            "compare": "wavesmith.evaluation.comparison",
            "evaluate": "wavesmith.evaluation.run",
            "frechet_audio_distance": "wavesmith.evaluation.distances",
            "frechet_distance": "wavesmith.evaluation.distances",
            "hygiene": "wavesmith.evaluation.faults",
            "kernel_audio_distance": "wavesmith.evaluation.distances",
            "overlap": "wavesmith.evaluation.distances",
        },
    )

__all__ = [
    "Checkup",
    "Distances",
    "Ear",
    "Estimate",
    "Hygiene",
    "LabelReport",
    "Library",
    "Overlap",
    "Report",
    "build",
    "card_table",
    "checkup",
    "compare",
    "evaluate",
    "frechet_audio_distance",
    "frechet_distance",
    "hygiene",
    "kernel_audio_distance",
    "overlap",
]
