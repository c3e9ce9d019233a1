"""Long work in processes of its own, which a server starts, stops, and continues after a restart.

`Processes` is the server's side and `run` the process's. Their protocol: the process reads its arguments as
JSON from the first line of standard input. When the input ends, because the server closes it or is gone, the
process stops as after Ctrl-C, with everything kept.
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
from wavesmith.serve.library import NotFound

ProcessState = Literal["running", "stopped", "done", "failed"]
ENDED = ("done", "failed", "stopped")

_STOPPED = 130  # exit code of a stopped process that can be resumed


class AlreadyRunning(RequestError):
    """Another process of the same kind is running."""


class ProcessInput(BaseModel):
    """Arguments of a process.

    Attributes:
        work: arguments of its function, as JSON.
        lock: file that only one such process at a time can claim.
        error: file for one sentence on why it failed.
    """

    work: dict[str, Any]
    lock: Path
    error: Path


class Processes:
    """All processes of one kind, one running at a time.

    Each is a row of a table that has `id`, `state` (see `ProcessState`), `error` and `created`.
    """

    def __init__(
        self, database: Database, kind: str, module: str, arguments: Callable[[Row], ProcessInput]
    ) -> None:
        """Continue what was running when the server ended.

        Args:
            database: has the table.
            kind: word for one of them in messages; the table has its plural.
            module: that the process runs; it calls `run`.
            arguments: returns the arguments for a row.
        """
        self._database, self._kind, self._module, self._arguments = database, kind, module, arguments
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        for row in database.all(f"SELECT * FROM {kind}s WHERE state = 'running' ORDER BY created"):
            try:
                self._go(row)
            except WavesmithError as error:  # such as a model that is gone
                self._set(row["id"], "failed", str(error))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from starting one for a while; raises AlreadyRunning when one is running."""
        with self._lock:
            if self._database.one(f"SELECT 1 FROM {self._kind}s WHERE state = 'running'"):
                raise AlreadyRunning(
                    f"Another {self._kind} is running; stop it first, or wait until it has ended."
                )
            yield

    def row(self, process_id: str) -> Row:
        """Return the row of a process; raises NotFound when there is none."""
        row = self._database.one(f"SELECT * FROM {self._kind}s WHERE id = ?", process_id)
        if row is None:
            raise NotFound(f"There is no {self._kind} {process_id[:40]!r}.")
        return row

    def stop(self, process_id: str) -> None:
        """Stop a process as soon as possible; everything is kept. Does nothing if it has ended."""
        with self._lock:
            if self.row(process_id)["state"] == "running":
                self._set(process_id, "stopped", None)
                self._let_go()

    def resume(self, process_id: str) -> None:
        """Continue a process that was stopped or failed; raises as `alone` and the arguments do."""
        with self._lock:
            row = self.row(process_id)
            if row["state"] in ("stopped", "failed"):
                with self.alone():
                    self._go(row)

    def close(self) -> None:
        """Stop the running process, which continues when the library is opened again."""
        self._let_go()
        with self._lock:
            process, self._process = self._process, None  # its end is not recorded
        if process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()

    def _go(self, row: Row) -> None:
        """Start the process, and a thread that waits for its end."""
        arguments = self._arguments(row)
        arguments.error.unlink(missing_ok=True)
        self._set(row["id"], "running", None)
        process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert process.stdin
        process.stdin.write(arguments.model_dump_json() + "\n")
        process.stdin.flush()
        self._process = process
        threading.Thread(target=self._wait, args=(process, row["id"], arguments.error), daemon=True).start()

    def _wait(self, process: subprocess.Popen[str], process_id: str, error: Path) -> None:
        code = process.wait()
        if code == _STOPPED:
            return
        with self._lock:
            if process is not self._process or self.row(process_id)["state"] != "running":
                return  # it was stopped, and perhaps another has been started
            if code == 0:
                self._set(process_id, "done", None)
            else:
                self._set(process_id, "failed", self._why(error))

    def _why(self, error: Path) -> str:
        with suppress(OSError):
            return error.read_text(encoding="utf-8")
        return f"The {self._kind} ended without a reason, perhaps for lack of memory; resume it to continue."

    def _let_go(self) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def _set(self, process_id: str, state: ProcessState, error: str | None) -> None:
        self._database.write(
            f"UPDATE {self._kind}s SET state = ?, error = ? WHERE id = ?", state, error, process_id
        )


def run(work: Callable[..., object]) -> None:
    """Call a function with the arguments from standard input; exit with 0, 2 for an error, 130 if stopped."""
    given = ProcessInput.model_validate_json(sys.stdin.readline())
    with suppress(AttributeError, OSError):  # sounds for the page come first
        os.nice(10)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the server inherited
    try:
        threading.Thread(target=_listen, daemon=True).start()
        lock = claim(given.lock, seconds=60)  # the process of a killed server ends first
        work(**given.work)
        lock.close()
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    except (WavesmithError, OSError, sqlite3.Error) as error:
        _fail(given.error, str(error))
    except Exception as error:
        traceback.print_exc()
        _fail(given.error, f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it.")


def stopped() -> None:
    """Exit as `run` does when it is interrupted, for functions that handle interruption themselves."""
    sys.exit(_STOPPED)


def _listen() -> None:
    while sys.stdin.readline():
        pass
    _thread.interrupt_main()


def _fail(path: Path, sentence: str) -> None:
    with suppress(WavesmithError), replacing(path) as temporary:
        temporary.write_text(sentence, encoding="utf-8")
    sys.exit(2)
