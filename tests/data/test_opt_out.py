from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavesmith.data import Entry, read_opt_out, scan
from wavesmith.errors import DataError, RequestError
from wavesmith.files import sha256
from wavesmith.sound import Sound

MANIFEST = """
{"path": "kick/a.wav", "licence": "CC0-1.0", "credit": "freesound user Ann (sound 7)", "source": "Shed"}
{"path": "kick/b.wav", "licence": "CC-BY-4.0", "credit": "Anna"}
{"path": "kick/c.wav", "licence": "CC-BY-NC-4.0", "credit": "Carl", "opt_out": true}
{"path": "snare/d.wav", "licence": "MIT"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "sounds"
    for k, path in enumerate(("kick/a.wav", "kick/b.wav", "kick/c.wav", "snare/d.wav", "snare/e.wav")):
        samples = np.random.default_rng(k).standard_normal((1, 800)) / 8
        Sound(samples.astype(np.float32), 8000).write(root / path)
    (root / "manifest.jsonl").write_text(MANIFEST)
    return root


def left_out(folder: Path, **options: object) -> dict[str, str]:
    return dict(scan(folder, **options).left_out)  # type: ignore[arg-type]


def test_the_manifest_opts_out(folder: Path) -> None:
    assert left_out(folder) == {"kick/c.wav": "is opted out of training"}


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("author: ann", ["kick/a.wav"]),
        ("Author: Freesound user Ann", ["kick/a.wav"]),
        ("author: Anna", ["kick/b.wav"]),
        ("source: shed", ["kick/a.wav"]),
        ("path: kick/b.wav", ["kick/b.wav"]),
        ("path: snare/", ["snare/d.wav", "snare/e.wav"]),
        ("path: kic", []),
        ("# author: Ann\n\n", []),
    ],
)
def test_a_list_opts_out_by_author_source_and_path(folder: Path, line: str, gone: list[str]) -> None:
    (folder / "opt-out.txt").write_text(line + "\n")
    assert sorted(left_out(folder)) == sorted([*gone, "kick/c.wav"])


def test_a_list_elsewhere_counts_beside_the_one_in_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "opt-out.txt").write_text("author: Anna\n")
    (tmp_path / "wishes.txt").write_text("path: snare/d.wav\n")
    gone = left_out(folder, opt_out=tmp_path / "wishes.txt")
    assert sorted(gone) == ["kick/b.wav", "kick/c.wav", "snare/d.wav"]


def test_a_copy_under_another_name_or_format_is_out_as_well(folder: Path) -> None:
    Sound.read(folder / "kick/b.wav").write(folder / "kick/0-copy.flac")
    (folder / "opt-out.txt").write_text("author: Anna\n")
    assert left_out(folder)["kick/0-copy.flac"] == "is the same sound as one that is opted out of training"
    (folder / "opt-out.txt").write_text(f"sha256: {sha256(folder / 'kick/b.wav').upper()}\n")
    assert {"kick/b.wav", "kick/0-copy.flac"} <= left_out(folder).keys()
    (folder / "opt-out.txt").write_text(f"sha256: {Sound.read(folder / 'kick/b.wav').sha256}\n")
    assert {"kick/b.wav", "kick/0-copy.flac"} <= left_out(folder).keys()


def test_licences_admit_and_reasons_say_why_not(folder: Path) -> None:
    gone = left_out(folder, licences=["cc0", "cc-by"])
    assert gone["snare/d.wav"] == "is under MIT, not under cc0 or cc-by"
    assert gone["snare/e.wav"] == "has no licence in the manifest, not under cc0 or cc-by"
    assert gone["kick/c.wav"] == "is opted out of training"
    assert len(gone) == 3


def test_an_unknown_licence_is_refused(folder: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'cc-by'"):
        scan(folder, licences=["ccby"])


def test_a_list_that_cannot_be_understood_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "opt-out.txt").write_text("author: Ann\nBob\n")
    with pytest.raises(DataError, match=r"opt-out.txt, line 2: .*write 'author: NAME'"):
        scan(folder)
    for digits in ("xyz", "ab" * 31, "0x" + "ab" * 32):
        (folder / "opt-out.txt").write_text(f"sha256: {digits}\n")
        with pytest.raises(DataError, match=f"line 1: '{digits}'"):
            scan(folder)
    with pytest.raises(DataError, match="Cannot read the opt-out list"):
        read_opt_out(tmp_path / "nowhere.txt")


def test_an_author_without_a_name_is_nobody() -> None:
    assert not read_opt_out().covers(Entry(path="a.wav"))
