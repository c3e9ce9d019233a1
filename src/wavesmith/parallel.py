"""One function over many items on all cores, in order and in bounded memory."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items that a process is given at a time."""

_WORTH_IT = 512  # items; starting processes for fewer takes longer than the work


def cores() -> int:
    """How many processes can run at once here."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterator[Result]:
    """`map(function, items)` in several processes; few items are done in this one.

    Results come in the order of the items, and no process runs far ahead of who takes them. With several
    processes, function and items must be picklable and not defined in a script.

    Args:
        function: what to do.
        items: to what.
        workers: processes; all cores if None, none but this if 1.
    """
    workers = min(workers or cores(), -(-len(items) // CHUNK))
    if workers <= 1 or len(items) < _WORTH_IT:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of torch's threads
    pool = ProcessPoolExecutor(workers, context, initializer=_leave_interruptions)
    chunks = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    running: deque[Future[list[Result]]] = deque()
    try:
        for chunk in itertools.chain(chunks, itertools.repeat(None)):
            if chunk is not None:
                with _nameless_script():
                    running.append(pool.submit(_chunk, function, chunk))
            if len(running) >= 2 * workers or chunk is None:
                if not running:
                    return
                yield from running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _nameless_script() -> Iterator[None]:
    """Keep new processes from running the user's script again, which they would to know its names."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _chunk(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


def _leave_interruptions() -> None:
    """Ctrl-C is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
