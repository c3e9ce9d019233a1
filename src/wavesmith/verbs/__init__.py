"""What people do: sounds and requests in, sounds out. One name and one default in Python, CLI and studio."""

from wavesmith.verbs.generate import again, generate, sample, stream
from wavesmith.verbs.settings import Settings, settle

__all__ = ["Settings", "again", "generate", "sample", "settle", "stream"]
