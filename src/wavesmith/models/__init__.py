"""Models: configuration, weights and card, loaded by name and saved as folders."""

from wavesmith.models.debug import DEBUG_CONFIG, debug_model
from wavesmith.models.hub import download, push
from wavesmith.models.importers import ModelFormat, Weights, convert, format_of
from wavesmith.models.loading import DEFAULT_MODEL, bundled_names, load
from wavesmith.models.model import Model
from wavesmith.models.model_folder import fingerprint, load_folder, save_folder
from wavesmith.models.provenance import (
    ATTRIBUTION,
    Provenance,
    TrainingSource,
    held_out_of,
    provenance_of,
    save_provenance,
    trained_on,
)
from wavesmith.models.timbre_measurement import measure_timbres, write_timbres

__all__ = [
    "ATTRIBUTION",
    "DEBUG_CONFIG",
    "DEFAULT_MODEL",
    "Model",
    "ModelFormat",
    "Provenance",
    "TrainingSource",
    "Weights",
    "bundled_names",
    "convert",
    "debug_model",
    "download",
    "fingerprint",
    "format_of",
    "held_out_of",
    "load",
    "load_folder",
    "measure_timbres",
    "provenance_of",
    "push",
    "save_folder",
    "save_provenance",
    "trained_on",
    "write_timbres",
]
