"""One artifact: configuration, weights and card; found by name, loaded and saved as a folder."""

from wavesmith.models.debug import DEBUG_CONFIG, debug_model
from wavesmith.models.folder import fingerprint, load_folder, save_folder
from wavesmith.models.model import Model
from wavesmith.models.registry import DEFAULT_MODEL, bundled_names, load

__all__ = [
    "DEBUG_CONFIG",
    "DEFAULT_MODEL",
    "Model",
    "bundled_names",
    "debug_model",
    "fingerprint",
    "load",
    "load_folder",
    "save_folder",
]
