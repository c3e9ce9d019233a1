"""Apply one function to many items on all cores, in order and in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

CHUNK = 16
"""Items that a process is given at a time."""

_WORTH_IT = 512  # items; starting processes for fewer takes longer than the work


def each(
    function: Callable[[Argument], Result], items: Sequence[Argument], workers: int | None = None
) -> Iterator[Result]:
    """Yield `function(item)` in the order of the items, computed in several processes if there are many.

    No process runs far ahead of the consumer, and none is left when the iterator ends or is closed.

    Args:
        function: applied to each item.
        items: its arguments.
        workers: processes; all cores if None, none but this if 1.
    """
    if len(items) < _WORTH_IT or workers == 1:
        yield from map(function, items)
        return
    from joblib import Parallel, cpu_count, delayed
    from joblib.externals.loky import get_reusable_executor

    workers = workers or cpu_count()
    pool = Parallel(workers, batch_size=CHUNK, pre_dispatch=2 * workers * CHUNK, return_as="generator")
    results = pool(delayed(function)(item) for item in items)
    try:
        for result in results:  # noqa: UP028 (`yield from` would close them before the warning is off)
            yield result
    finally:
        with warnings.catch_warnings():  # about results that nobody took
            warnings.simplefilter("ignore", UserWarning)
            results.close()
        get_reusable_executor().shutdown(kill_workers=True)
