from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wavesmith


def test_every_exported_name_is_there():
    for name in wavesmith.__all__:
        assert getattr(wavesmith, name) is not None
    assert set(wavesmith.__all__) <= set(dir(wavesmith))


def test_exports_are_what_their_names_say():
    assert wavesmith.Sound.__name__ == "Sound"
    for name in ("again", "generate", "load", "scan", "stream", "train"):
        assert getattr(wavesmith, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = wavesmith.generat


def test_the_version_is_that_of_the_project():
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1] == wavesmith.__version__


def test_importing_is_cheap_and_names_do_not_collide_with_modules():
    code = (
        "import sys, wavesmith; assert 'torch' not in sys.modules; "
        "import wavesmith.data.scan, wavesmith.data.augmentation; "
        "from wavesmith.data import augment, scan; assert callable(augment) and callable(scan)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_making_a_sound_imports_no_compiler():
    """Torch's own and its computer algebra take seconds; a user would wait for them at every command."""
    code = (
        "import sys, wavesmith; wavesmith.generate(wavesmith.load('drums'), seed=1, steps=1); "
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
