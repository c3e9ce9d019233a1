"""Measures of generated sounds: what they are taken for, how real, how clean and how new they are.

Distances are on the features of a judge (`wavesmith.judges`). `evaluate` puts all measures into one report.
"""

from wavesmith.evaluation.distances import (
    PrecisionRecall,
    frechet_distance,
    kernel_distance,
    precision_recall,
)
from wavesmith.evaluation.hygiene import Checkup, Hygiene, checkup, hygiene
from wavesmith.evaluation.neighbours import nearest
from wavesmith.evaluation.report import Evaluation, Likeness, Novelty, evaluate

__all__ = [
    "Checkup",
    "Evaluation",
    "Hygiene",
    "Likeness",
    "Novelty",
    "PrecisionRecall",
    "checkup",
    "evaluate",
    "frechet_distance",
    "hygiene",
    "kernel_distance",
    "nearest",
    "precision_recall",
]
