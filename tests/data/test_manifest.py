import json

import pytest

from wavesmith.data import Entry, read_manifest
from wavesmith.errors import DataError


def write(folder, *lines):
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_no_manifest_means_no_entries(tmp_path):
    assert read_manifest(tmp_path) == {}


def test_reads_both_spellings_and_ignores_what_it_does_not_know(tmp_path):
    write(
        tmp_path,
        json.dumps({"path": "./a/x.wav", "class": "kick", "license": "CC0-1.0", "author": "Ann", "bpm": 90}),
        "",
        json.dumps({"path": "b/y.wav", "label": "snare", "source_repo": "z/z", "tags": ["dry"], "kit": None}),
    )
    first, second = read_manifest(tmp_path).values()
    assert (first.path, first.label, first.licence, first.credit) == ("a/x.wav", "kick", "CC0-1.0", "Ann")
    assert (second.label, second.source, second.tags, second.kit) == ("snare", "z/z", ("dry",), None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"path": "b.wav"', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"class": "kick"}', "'path': field required"),
        ('{"path": "../b.wav"}', "not a relative path"),
        ('{"path": "a/../../b.wav"}', "not a relative path"),
        (r'{"path": "..\\b.wav"}', "not a relative path"),
        ('{"path": "/b.wav"}', "not a relative path"),
        (r'{"path": "C:\\b.wav"}', "not a relative path"),
        ('{"path": ""}', "not a relative path"),
        ('{"path": "b.wav", "tags": "loud"}', "'tags'"),
        ('{"path": "a.wav"}', "second time"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, reason):
    write(tmp_path, '{"path": "a.wav"}', line)
    with pytest.raises(DataError, match="line 2: ") as error:
        read_manifest(tmp_path)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_a_manifest_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "manifest.jsonl").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(DataError, match="UTF-8"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("entry", "group"),
    [
        (Entry(path="kick/a 1.wav", split_family="808", kit="tr808"), "808"),
        (Entry(path="kick/a 1.wav", kit="tr808"), "tr808"),
        (Entry(path="kick/deep/a 1.wav"), "kick/deep"),
        (Entry(path="kick/room_12.wav"), "kick/room"),
        (Entry(path="kick/room.wav"), "kick/room"),
        (Entry(path="kick/007.wav"), "kick/007"),
        (Entry(path="room-3.wav"), "room"),
    ],
)
def test_the_group_is_the_best_known_source(entry, group):
    assert entry.group == group
