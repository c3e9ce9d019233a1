"""wavesmith."""
