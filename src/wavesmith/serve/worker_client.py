"""The server's side of the worker process; imports nothing that is slow."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any


class WorkerClient:
    """A worker process (see `worker`), which ends when this process does."""

    def __init__(self, folder: Path) -> None:
        """Start a worker in a library folder, which is created if necessary."""
        folder.mkdir(parents=True, exist_ok=True)
        self._writing = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wavesmith.serve.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the server
        )
        self.loaded: set[str] = set()
        """Locations of the models that the worker has loaded."""
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def send(self, **message: Any) -> None:
        """Send a message; that the worker has just ended is noticed where its events are read."""
        assert self._process.stdin
        with self._writing, suppress(OSError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield events about jobs until the worker ends."""
        while (event := self._events.get()) is not None:
            yield event

    def end(self) -> None:
        """Kill the worker."""
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.endswith("\n"):  # the last may have been cut short
                event = json.loads(line)
                if event["event"] == "loaded":
                    self.loaded.add(event["model"])
                else:
                    self._events.put(event)
        self._process.wait()
        self._events.put(None)
