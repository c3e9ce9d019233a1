"""Import and export of checkpoints of other tools.

One module for each tool maps the names of its tensors to those of one of our networks, recognises its files,
and reads rate and length from them. No code in a file is ever run.
"""

from wavesmith.models.importers import dance_diffusion, diffusers
from wavesmith.models.importers.checkpoint import ImportOptions, Weights
from wavesmith.models.importers.convert import ModelFormat, convert, format_of
from wavesmith.models.importers.reading import import_model, is_foreign

PATTERNS = (
    diffusers.INDEX,
    diffusers.CONFIG,
    *diffusers.WEIGHTS,
    "*.ckpt",
    "*.yaml",
    dance_diffusion.EXPORT,
)
"""Files of other tools in a hub repository, downloaded beside those of a wavesmith model."""

__all__ = [
    "PATTERNS",
    "ImportOptions",
    "ModelFormat",
    "Weights",
    "convert",
    "format_of",
    "import_model",
    "is_foreign",
]
