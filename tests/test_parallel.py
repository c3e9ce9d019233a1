from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from wavesmith.parallel import each


def test_results_come_in_order_from_several_processes() -> None:
    results = list(each(abs, [-k for k in range(600)], workers=2))
    assert results == list(range(600))


def test_many_items_go_to_other_processes() -> None:
    many = set(each(_process, range(600), workers=2))
    assert os.getpid() not in many
    assert set(each(_process, range(40), workers=2)) == {os.getpid()}
    assert set(each(_process, range(600), workers=1)) == {os.getpid()}


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(each(int, ["1"] * 599 + ["one"], workers=2))


def test_closing_the_iterator_ends_the_processes_in_silence() -> None:
    results = each(_process, range(5000), workers=2)
    worker = next(results)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_script_without_a_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\nfrom wavesmith.parallel import each\nprint(sum(each(abs, range(600), 2)))\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["once", str(sum(range(600)))]


def _process(_: int) -> int:
    return os.getpid()
