"""Judges: small classifiers that say which label a sound deserves.

One kind judges generated sounds (their features carry the distances of `evaluation`), another, which hears
through noise, steers a walk towards a label. What steers must never be what judges.
"""

from wavesmith.classifiers.classifier import (
    Classifier,
    ClassifierConfig,
    confusion,
    features_of,
    predict,
    share_right,
)
from wavesmith.classifiers.classifier_folder import train_folder
from wavesmith.classifiers.training import JudgeReport, disturb, train_judge

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "JudgeReport",
    "confusion",
    "disturb",
    "features_of",
    "predict",
    "share_right",
    "train_folder",
    "train_judge",
]
