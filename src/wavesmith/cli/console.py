"""What commands say, and where: results to standard output, everything on the way to standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import typer


def printable(text: object) -> str:
    """Text from files and folders without anything that could move the cursor or colour the screen."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
        for letter in str(text)
    )


def in_words(count: int, thing: str) -> str:
    """`1 sound`, `2 sounds`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def tell(text: object) -> None:
    """Print a result."""
    typer.echo(printable(text))


def note(text: object) -> None:
    """Something worth knowing on the way."""
    typer.echo(printable(text), err=True)


def complain(error: object) -> None:
    """An error, on one line."""
    note("error: " + " ".join(str(error).split()))


def show(title: str, rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...] = ()) -> None:
    """A table: its title, then `rows` under `columns` (no headings if there are none)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, show_header=bool(columns), pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*[Text(printable(cell), overflow="fold") for cell in row])
    tell(title)
    Console().print(table)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on the terminal, one after the other; yields what to call with (what is done, done, in all)."""
    with ExitStack() as stack:
        current: str | None = None
        bar: Callable[[int, int], None]

        def update(stage: str, done: int, total: int) -> None:
            nonlocal current, bar
            if stage != current:
                stack.close()  # the bar of the stage before
                current, bar = stage, stack.enter_context(progress(stage))
            bar(done, total)

        yield update


@contextmanager
def progress(title: str, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, from the first call until all is done; yields what to call: (done, in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
    task = bar.add_task(title, total=None)

    def update(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)
        if done == total:  # whatever comes next may want the screen for itself
            bar.stop()

    try:
        yield update
    finally:
        bar.stop()
