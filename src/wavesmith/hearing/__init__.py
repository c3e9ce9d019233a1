"""How sounds are heard, as differentiable maths: log-mel pictures, and timbre in a producer's words."""

from wavesmith.hearing.mel import LogMel, mel_filters
from wavesmith.hearing.resample import resample
from wavesmith.hearing.table import TimbreTable, measure
from wavesmith.hearing.timbre import TIMBRES, Timbre

__all__ = ["TIMBRES", "LogMel", "Timbre", "TimbreTable", "measure", "mel_filters", "resample"]
