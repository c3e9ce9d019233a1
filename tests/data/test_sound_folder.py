import json

import pytest

from wavesmith.data import read_folder
from wavesmith.errors import DataError


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_sub_folders_are_labels_and_order_is_by_path(tmp_path):
    touch(tmp_path, "snare/b.WAV", "snare/deep/a.flac", "kick/z.aif", "root.mp3", "kick/a.ogg", "kick/b.AIFF")
    entries = read_folder(tmp_path).entries
    assert [(entry.path, entry.label) for entry in entries] == [
        ("kick/a.ogg", "kick"),
        ("kick/b.AIFF", "kick"),
        ("kick/z.aif", "kick"),
        ("root.mp3", None),
        ("snare/b.WAV", "snare"),
        ("snare/deep/a.flac", "snare"),
    ]


def test_hidden_files_and_other_kinds_are_skipped(tmp_path):
    touch(tmp_path, "a.wav", ".b.wav", ".c/d.wav", "__MACOSX/e.wav", "x/__MACOSX/f.wav", "notes.txt", "wav")
    assert [entry.path for entry in read_folder(tmp_path).entries] == ["a.wav"]


def test_the_manifest_overrides_and_its_missing_files_are_reported(tmp_path):
    touch(tmp_path, "kick/a.wav", "kick/b.wav", "c.wav")
    lines = [
        {"path": "kick/a.wav", "class": "tom"},
        {"path": "kick/b.wav", "licence": "CC0-1.0"},
        {"path": "gone.wav", "class": "kick"},
        {"path": "c.wav", "label": "bell"},
    ]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    listing = read_folder(tmp_path)
    assert {entry.path: entry.label for entry in listing.entries} == {
        "c.wav": "bell",
        "kick/a.wav": "tom",
        "kick/b.wav": "kick",
    }
    assert listing.entries[2].licence == "CC0-1.0"
    assert listing.missing == ["gone.wav"]


def test_what_is_no_data_set_is_refused(tmp_path):
    touch(tmp_path, "notes.txt")
    for path, reason in [("nowhere", "no folder"), ("notes.txt", "is a file"), (".", "no audio")]:
        with pytest.raises(DataError, match=reason):
            read_folder(tmp_path / path)


def test_a_file_name_that_is_not_unicode_is_refused(tmp_path):
    try:
        (tmp_path / "caf\udce9.wav").touch()
    except (OSError, UnicodeError):
        pytest.skip("this file system only takes Unicode names")
    with pytest.raises(DataError, match="rename the file"):
        read_folder(tmp_path)
