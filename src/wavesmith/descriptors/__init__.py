"""Descriptors of sounds, as differentiable maths: log-mel spectrograms, and timbre in a producer's words."""

from wavesmith.descriptors.log_mel import LogMel
from wavesmith.descriptors.resample import resample
from wavesmith.descriptors.timbre import TIMBRES, Timbre
from wavesmith.descriptors.timbre_table import TimbreTable, measure

__all__ = ["TIMBRES", "LogMel", "Timbre", "TimbreTable", "measure", "resample"]
