"""Verbs and what they do, so that `wavesmith --help` need not import them.

Written by `python -m wavesmith.cli.tables`; do not edit.
"""

SUMMARIES = {
    "generate": "Generate new sounds.",
    "vary": "Make variations of a sound.",
    "restyle": "Remake a sound or a whole track in the manner of a model.",
    "morph": "Make the sounds between two sounds, or a square of them among four.",
    "morph_labels": "Generate sounds from one label to another.",
    "inpaint": "Replace parts of a sound so that they fit; the rest stays as it is, sample for sample.",
    "extend": "Make a sound longer at its end or its beginning.",
    "loop": "Make a seamless loop of a sound.",
    "upscale": "Bring a dull sound to full band.",
    "clean": "Remove noise from a recording.",
}

KIT = "Make a playable kit: samples, SFZ, DecentSampler and Hydrogen files, a picture, and a bar to try it."

TRAIN = "Train a model, or go on with a training; with --classifier, train a classifier."
