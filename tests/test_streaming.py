from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from wavesmith import streaming
from wavesmith.audio_file import Bits
from wavesmith.errors import AudioError, RequestError, WavesmithError
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound
from wavesmith.streaming import AudioFile, ResumableWriter, write_blocks

RECIPE = Recipe(verb="restyle", model="debug", model_hash="0" * 16, seed=1)
OTHER = RECIPE.model_copy(update={"seed": 2})


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, frames)).astype(np.float32)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_BLOCK", 100)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_file_says_of_itself_what_a_sound_says(tmp_path: Path, name: str, channels: int) -> None:
    Sound(noise(1234, channels), 8000, RECIPE).write(tmp_path / name)
    sound, file = Sound.read(tmp_path / name), AudioFile(tmp_path / name)
    assert (file.rate, file.channels, file.frames) == (8000, channels, 1234)
    assert (file.peak, file.sha256, file.recipe) == (sound.peak, sound.sha256, RECIPE)
    assert np.array_equal(file.part(200, 500), sound.samples[:, 200:500])
    beyond = file.part(1200, 1300)
    assert np.array_equal(beyond[:, :34], sound.samples[:, 1200:])
    assert not beyond[:, 34:].any()


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="nowhere"):
        AudioFile(tmp_path / "nowhere.wav")
    (tmp_path / "notes.wav").write_text("notes")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        AudioFile(tmp_path / "notes.wav")
    Sound(np.full((1, 500), np.inf, np.float32).clip(-1, 1), 8000).write(tmp_path / "late.wav", bits="float")
    data = bytearray((tmp_path / "late.wav").read_bytes())
    data[-4:] = np.float32(np.nan).tobytes()
    (tmp_path / "late.wav").write_bytes(bytes(data))
    file = AudioFile(tmp_path / "late.wav")
    with pytest.raises(AudioError, match=r"late\.wav.*NaN"):
        _ = file.peak


@pytest.mark.parametrize(("name", "bits"), [("a.wav", 24), ("a.wav", "float"), ("a.flac", 16)])
def test_blocks_make_the_file_that_a_whole_sound_makes(tmp_path: Path, name: str, bits: Bits) -> None:
    samples = noise(1000)
    (tmp_path / "blocks").mkdir()
    Sound(samples, 8000, RECIPE).write(tmp_path / name, bits=bits)
    parts = (samples[:, start : start + 130] for start in range(0, 1000, 130))
    write_blocks(tmp_path / "blocks" / name, parts, 8000, 2, RECIPE, bits)
    assert (tmp_path / "blocks" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_blocks_that_end_in_an_error_leave_nothing(tmp_path: Path) -> None:
    def parts():
        yield noise(100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_blocks(tmp_path / "a.wav", parts(), 8000, 2, None, 24)
    with pytest.raises(RequestError):
        write_blocks(tmp_path / "a.ogg", [noise(100)], 8000, 2, None, 24)
    assert list(tmp_path.iterdir()) == []


def begun(path: Path, parts: int = 3) -> ResumableWriter:
    """A sound of which some parts are made, each of 50 samples with 10 to be joined."""
    unfinished = ResumableWriter(path, RECIPE, 8000, 2)
    for k in range(parts):
        unfinished.add(noise(50, seed=k), noise(10, seed=100 + k))
    return unfinished


def test_what_is_done_is_there_when_work_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    peak = begun(path).peak
    assert not path.exists()
    later = ResumableWriter(path, RECIPE, 8000, 2)
    assert (later.parts, later.peak) == (3, peak)
    assert np.array_equal(later.pending, noise(10, seed=102))
    later.add(noise(20, seed=3), np.zeros((2, 0), np.float32))
    later.finish(0.5, "float")
    expected = np.concatenate([*(noise(50, seed=k) for k in range(3)), noise(20, seed=3)], axis=1)
    sound = Sound.read(path)
    assert np.array_equal(sound.samples, 0.5 * expected)
    assert sound.recipe == RECIPE
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_an_interruption_between_samples_and_state_loses_the_last_part_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    unfinished = begun(path)
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "replacing", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            unfinished.add(noise(50, seed=7), noise(10))
    later = ResumableWriter(path, RECIPE, 8000, 2)
    assert later.parts == 3
    later.add(noise(50, seed=8), np.zeros((2, 0), np.float32))
    later.finish(1.0, "float")
    assert np.array_equal(Sound.read(path).samples[:, 150:], noise(50, seed=8))


@pytest.mark.parametrize("damage", ["recipe", "state", "samples", "short", "rubbish"])
def test_what_does_not_belong_or_is_damaged_is_thrown_away(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.wav"
    begun(path)
    state, samples = tmp_path / ".a.wav.state", tmp_path / ".a.wav.part"
    if damage == "state":
        state.unlink()
    elif damage == "samples":
        samples.unlink()
    elif damage == "short":
        samples.write_bytes(samples.read_bytes()[:-1])
    elif damage == "rubbish":
        state.write_bytes(b"[1, 2]\n\x00\x01")
    later = ResumableWriter(path, OTHER if damage == "recipe" else RECIPE, 8000, 2)
    assert (later.parts, later.pending) == (0, None)
    later.add(noise(30), np.zeros((2, 0), np.float32))
    later.finish(1.0, "float")
    assert np.array_equal(Sound.read(path).samples, noise(30))


def test_a_full_disk_is_one_sentence_and_what_was_done_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    unfinished = begun(path)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(
            WavesmithError, match=r"Cannot write .*a\.wav \(No space left on device\); make room"
        ):
            unfinished.add(noise(50), noise(10))
    assert ResumableWriter(path, RECIPE, 8000, 2).parts == 3
