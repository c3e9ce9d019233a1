"""A struck sound as damped modes, a picture of its noise, and the grain of that noise.

`resonance` sounds modes, `analysis` finds them, `picture` is where and when the noise has power, `texture`
how far single lines of it stand out; `code` holds them, `layout` packs them into rows, `transform` ties them.
"""

from wavesmith.transforms.modes.code import ModesCode
from wavesmith.transforms.modes.resonance import Resonances
from wavesmith.transforms.modes.transform import Modes, ModesConfig

__all__ = ["Modes", "ModesCode", "ModesConfig", "Resonances"]
