"""Classifiers of sounds by label.

A classifier that was trained without noise measures generated sounds (`evaluation`); a `noisy` one can be a
guide. What steers a model must not measure it.
"""

from wavesmith.classifiers.classifier import Classifier, ClassifierConfig, accuracy, confusion, predict
from wavesmith.classifiers.classifier_folder import train_folder
from wavesmith.classifiers.training import ClassifierReport, classifier_objective, perturb, train_classifier

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "ClassifierReport",
    "accuracy",
    "classifier_objective",
    "confusion",
    "perturb",
    "predict",
    "train_classifier",
    "train_folder",
]
