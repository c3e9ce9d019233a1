"""`python -m wavesmith` is `wavesmith`."""

from wavesmith.cli.main import main

main()
