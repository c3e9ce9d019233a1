"""Options of version 0.1 that have another name now."""

from __future__ import annotations

_RENAMED = {
    "--not": "--avoid",
    "--peak": "--peak-db",
    "--walk-steps": "--steps",
    "--judge": "--classifier",
    "--recipe": "--config",
}
_LABELS = (
    "The sounds between two labels are made by 'wavesmith morph-labels' now; 'wavesmith morph' takes files."
)
_OF_COMMANDS = {("morph", "--to"): _LABELS, ("morph", "--label"): _LABELS}


def sentence(command: str, option: str) -> str | None:
    """Return what to say when a command has no such option any more; None if it never had one."""
    if text := _OF_COMMANDS.get((command, option)):
        return text
    return f"{option} is {_RENAMED[option]} now." if option in _RENAMED else None
