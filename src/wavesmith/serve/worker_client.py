"""The worker's process as the server holds it: quick to start, as it knows nothing of sounds itself."""

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


class Hand:
    """A worker (see `worker`) and the lines between it and us. It ends when this process does."""

    def __init__(self, folder: Path) -> None:
        """Start one in a library folder, which is made if it is not there."""
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
        """Places of the models that it has had in memory."""
        self._told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def number(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be ordered to do something."""
        return self._process.poll() is None

    def order(self, **order: Any) -> None:
        """Say something to it; if it has just ended, that is noticed where its news are read."""
        assert self._process.stdin
        with self._writing, suppress(OSError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def news(self) -> Iterator[dict[str, Any]]:
        """What it tells of jobs, until it ends."""
        while (told := self._told.get()) is not None:
            yield told

    def end(self) -> None:
        """End it at once."""
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.endswith("\n"):  # the last may have been cut short
                told = json.loads(line)
                if told["news"] == "loaded":
                    self.loaded.add(told["model"])
                else:
                    self._told.put(told)
        self._process.wait()
        self._told.put(None)
