"""The command `wavesmith`: the verbs of the Python API under the same names, with the same defaults."""
