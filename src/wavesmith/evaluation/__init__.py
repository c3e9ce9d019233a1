"""Measures of generated sounds: what they are taken for, how real, how clean and how new they are.

A `Judge` is a small classifier trained on real sounds; its features carry the distances. `evaluate` puts all
measures into one report.
"""

from wavesmith.evaluation.distances import (
    PrecisionRecall,
    frechet_distance,
    kernel_distance,
    precision_recall,
)
from wavesmith.evaluation.hygiene import Checkup, Hygiene, checkup, hygiene
from wavesmith.evaluation.judge import (
    Judge,
    JudgeConfig,
    JudgeReport,
    confusion,
    features_of,
    predict,
    train_judge,
)
from wavesmith.evaluation.mel import LogMel
from wavesmith.evaluation.neighbours import nearest
from wavesmith.evaluation.report import Evaluation, Likeness, Novelty, evaluate

__all__ = [
    "Checkup",
    "Evaluation",
    "Hygiene",
    "Judge",
    "JudgeConfig",
    "JudgeReport",
    "Likeness",
    "LogMel",
    "Novelty",
    "PrecisionRecall",
    "checkup",
    "confusion",
    "evaluate",
    "features_of",
    "frechet_distance",
    "hygiene",
    "kernel_distance",
    "nearest",
    "precision_recall",
    "predict",
    "train_judge",
]
