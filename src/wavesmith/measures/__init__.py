"""Numbers of a sound that ears would agree with: how tonal, how grainy, how long, how wide. Without torch.

Each is a function of waves `[B, C, N]` and their rate; `measure` takes all of them, `MEASURES` tells what
they are.
"""

from wavesmith.measures.envelope import attack, decay, lead, noise_floor
from wavesmith.measures.grain import bursts, noise_flatness, ripples
from wavesmith.measures.stereo import width
from wavesmith.measures.table import MEASURES, MEASURES_BY_NAME, Measure, measure, scaled, standardised
from wavesmith.measures.tonality import flatness, octave_levels, partial_shares, pitch

__all__ = [
    "MEASURES",
    "MEASURES_BY_NAME",
    "Measure",
    "attack",
    "bursts",
    "decay",
    "flatness",
    "lead",
    "measure",
    "noise_flatness",
    "noise_floor",
    "octave_levels",
    "partial_shares",
    "pitch",
    "ripples",
    "scaled",
    "standardised",
    "width",
]
