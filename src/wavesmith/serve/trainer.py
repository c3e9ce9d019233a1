"""The process that trains: `python -m wavesmith.serve.trainer`, with its order as JSON on the first line.

It stops as after Ctrl-C, everything kept, when its input ends: when the server asks it to, or is gone.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import sqlite3
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

from wavesmith.errors import WavesmithError
from wavesmith.files import replacing
from wavesmith.serve.database import claim
from wavesmith.serve.trainings import ERROR
from wavesmith.training import train


def main() -> None:
    """Train as ordered; the exit code is 0 when all is done, 2 when it cannot be, 130 when stopped."""
    order = json.loads(sys.stdin.readline())
    with suppress(AttributeError, OSError):  # playing goes before training
        os.nice(10)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the server had done with it
    threading.Thread(target=_listen, daemon=True).start()
    try:
        lock = claim(Path(f"{order['out']}.lock"), seconds=60)  # one that a killed server left ends first
        train(**order, interrupted=lambda: sys.exit(130))
        lock.close()
    except KeyboardInterrupt:
        sys.exit(130)
    except (WavesmithError, OSError, sqlite3.Error) as error:
        _fail(order["out"], str(error))
    except Exception as error:
        traceback.print_exc()
        _fail(
            order["out"], f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it."
        )


def _listen() -> None:
    while sys.stdin.readline():
        pass
    _thread.interrupt_main()


def _fail(out: str, sentence: str) -> None:
    with suppress(WavesmithError), replacing(f"{out}/{ERROR}") as temporary:
        temporary.write_text(sentence, encoding="utf-8")
    sys.exit(2)


if __name__ == "__main__":
    main()
