"""Models of other tools: read straight from their files, and written back.

One module for each dialect says by which names it calls the tensors of one of our networks, how it is
recognised, and what its files say of rate and length. Nothing in a file is ever run.
"""

from wavesmith.models.importers import dance_diffusion, diffusers
from wavesmith.models.importers.convert import Form, convert, form_of
from wavesmith.models.importers.read import read_foreign, recognises
from wavesmith.models.importers.source import Asked, Weights

PATTERNS = (
    diffusers.INDEX,
    diffusers.CONFIG,
    *diffusers.WEIGHTS,
    "*.ckpt",
    "*.yaml",
    dance_diffusion.EXPORT,
)
"""What to get of a hub repository besides the files of a model of ours."""

__all__ = ["PATTERNS", "Asked", "Form", "Weights", "convert", "form_of", "read_foreign", "recognises"]
