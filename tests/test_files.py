import errno
import hashlib
import os

import pytest

from wavesmith.errors import WavesmithError
from wavesmith.files import replacing, sha256


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_with_its_folder(tmp_path):
    target = tmp_path / "new" / "sound.wav"
    with replacing(target) as temporary:
        assert temporary.suffix == ".wav"
        assert temporary.parent == target.parent
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(target.parent) == ["sound.wav"]


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def kept(descriptor):
        done.append(("kept", os.fstat(descriptor).st_size))
        fsync(descriptor)

    def moved(source, target):
        done.append(("moved", os.path.getsize(source)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", kept)
    monkeypatch.setattr(os, "replace", moved)
    with replacing(tmp_path / "sound.wav") as temporary:
        temporary.write_bytes(b"whole")
    assert done == [("kept", 5), ("moved", 5)]


@pytest.mark.parametrize("interruption", [ValueError(), KeyboardInterrupt(), SystemExit()], ids=repr)
def test_an_interruption_leaves_what_was_there(tmp_path, interruption):
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    with pytest.raises(type(interruption)):
        fill(target, interruption)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["sound.wav"]


def fill(target, interruption):
    with replacing(target) as temporary:
        temporary.write_bytes(b"part")
        raise interruption


def write(target):
    with replacing(target) as temporary:
        temporary.write_text("")


def test_a_full_disk_is_one_sentence(tmp_path):
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    for number in (errno.ENOSPC, errno.EDQUOT):
        words = rf"sound\.wav .*{os.strerror(number)}.*make room"
        with pytest.raises(WavesmithError, match=words):
            fill(target, OSError(number, os.strerror(number)))
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["sound.wav"]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "file" / "sound.wav", tmp_path / "folder"):
        with pytest.raises(WavesmithError, match="choose another"):
            write(target)
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("size", [0, 5, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_hashes_are_sha_256_whatever_the_size(tmp_path, size):
    content = b"drum!" * (size // 5) + b"x" * (size % 5)
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
