"""How sounds are heard, as differentiable maths: log-mel pictures, and timbre in a producer's words."""

from wavesmith.descriptors.mel import LogMel, mel_filters
from wavesmith.descriptors.resample import resample
from wavesmith.descriptors.table import TimbreTable, measure
from wavesmith.descriptors.timbre import TIMBRES, Timbre

__all__ = ["TIMBRES", "LogMel", "Timbre", "TimbreTable", "measure", "mel_filters", "resample"]
