"""Errands: long work in processes of its own, which a server starts, stops, and goes on with after a restart.

`Errands` is the server's side and `run` the process's. They talk in one way only: the order goes in as JSON
on the first line, and when the input ends, because the server wants it or is gone, the process stops as
after Ctrl-C, with everything kept.
"""

from __future__ import annotations

import _thread
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from wavesmith.errors import RequestError, WavesmithError
from wavesmith.files import replacing
from wavesmith.serve.database import Database, Row, claim
from wavesmith.serve.library import Gone

ErrandState = Literal["running", "stopped", "done", "failed"]
ENDED = ("done", "failed", "stopped")

_STOPPED = 130  # exit code of who was told to stop, and can go on


class UnderWay(RequestError):
    """Something else has to end first."""


class Order(BaseModel):
    """What a process is to do.

    Attributes:
        work: arguments of what is done, as JSON.
        lock: file that only one such process at a time has claimed.
        error: file where it says in a sentence why it failed.
    """

    work: dict[str, Any]
    lock: Path
    error: Path


class Errands:
    """All errands of one kind, one under way at a time.

    Each is a row of a table that has `id`, `state` (see `ErrandState`), `error` and `created`.
    """

    def __init__(self, database: Database, kind: str, module: str, order: Callable[[Row], Order]) -> None:
        """Go on with what was under way when the server went.

        Args:
            database: has the table.
            kind: what sentences call one of them; the table has its plural.
            module: what the process runs, which calls `run`.
            order: the order for a row.
        """
        self._database, self._kind, self._module, self._order = database, kind, module, order
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        for row in database.all(f"SELECT * FROM {kind}s WHERE state = 'running' ORDER BY created"):
            try:
                self._go(row)
            except WavesmithError as error:  # such as a model that is gone
                self._set(row["id"], "failed", str(error))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else start one for a while; raises UnderWay when one is under way."""
        with self._lock:
            if self._database.one(f"SELECT 1 FROM {self._kind}s WHERE state = 'running'"):
                raise UnderWay(
                    f"Another {self._kind} is under way; stop it first, or wait until it has ended."
                )
            yield

    def row(self, errand: str) -> Row:
        """What is known of one; raises Gone when there is none."""
        row = self._database.one(f"SELECT * FROM {self._kind}s WHERE id = ?", errand)
        if row is None:
            raise Gone(f"There is no {self._kind} {errand[:40]!r}.")
        return row

    def stop(self, errand: str) -> None:
        """Ask one to stop as soon as it can; everything is kept. Nothing happens if it has ended."""
        with self._lock:
            if self.row(errand)["state"] == "running":
                self._set(errand, "stopped", None)
                self._let_go()

    def resume(self, errand: str) -> None:
        """Go on with one that was stopped or failed; raises as `alone` and making its order do."""
        with self._lock:
            row = self.row(errand)
            if row["state"] in ("stopped", "failed"):
                with self.alone():
                    self._go(row)

    def close(self) -> None:
        """Stop what is under way, as the server does; it goes on when the library is opened again."""
        self._let_go()
        with self._lock:
            process, self._process = self._process, None  # its end says nothing more
        if process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()

    def _go(self, row: Row) -> None:
        """Start the process, and a thread that waits for its end."""
        order = self._order(row)
        order.error.unlink(missing_ok=True)
        self._set(row["id"], "running", None)
        process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert process.stdin
        process.stdin.write(order.model_dump_json() + "\n")
        process.stdin.flush()
        self._process = process
        threading.Thread(target=self._wait, args=(process, row["id"], order.error), daemon=True).start()

    def _wait(self, process: subprocess.Popen[str], errand: str, error: Path) -> None:
        code = process.wait()
        if code == _STOPPED:
            return
        with self._lock:
            if process is not self._process or self.row(errand)["state"] != "running":
                return  # it was let go, and perhaps another has taken its place
            if code == 0:
                self._set(errand, "done", None)
            else:
                self._set(errand, "failed", self._why(error))

    def _why(self, error: Path) -> str:
        with suppress(OSError):
            return error.read_text(encoding="utf-8")
        return f"The {self._kind} ended without saying why, perhaps for want of memory; resume it to go on."

    def _let_go(self) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def _set(self, errand: str, state: ErrandState, error: str | None) -> None:
        self._database.write(
            f"UPDATE {self._kind}s SET state = ?, error = ? WHERE id = ?", state, error, errand
        )


def run(work: Callable[..., object]) -> None:
    """Do as ordered; the exit code is 0 when all is done, 2 when it cannot be, 130 when stopped."""
    order = Order.model_validate_json(sys.stdin.readline())
    with suppress(AttributeError, OSError):  # playing goes before all errands
        os.nice(10)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the server had done with it
    try:
        threading.Thread(target=_listen, daemon=True).start()
        lock = claim(order.lock, seconds=60)  # one that a killed server left ends first
        work(**order.work)
        lock.close()
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    except (WavesmithError, OSError, sqlite3.Error) as error:
        _fail(order.error, str(error))
    except Exception as error:
        traceback.print_exc()
        _fail(order.error, f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it.")


def stopped() -> None:
    """End as `run` does when it is interrupted, for work that hears of that in its own way."""
    sys.exit(_STOPPED)


def _listen() -> None:
    while sys.stdin.readline():
        pass
    _thread.interrupt_main()


def _fail(path: Path, sentence: str) -> None:
    with suppress(WavesmithError), replacing(path) as temporary:
        temporary.write_text(sentence, encoding="utf-8")
    sys.exit(2)
