import errno
import math
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from wavesmith import audio_file
from wavesmith.errors import AudioError, RequestError, WavesmithError
from wavesmith.recipe import Recipe
from wavesmith.sound import Bits, Sound, as_sound

RATE = 8000
RECIPE = Recipe(verb="generate", model="drums", model_hash="ab" * 32, seed=7, settings={"label": "snare"})
LONG_RECIPE = RECIPE.model_copy(update={"settings": {"text": "große Trommel 太鼓 " * 300}})


def drum(seconds: float = 0.25, channels: int = 2, rate: int = RATE, recipe: Recipe | None = None) -> Sound:
    rng = np.random.default_rng(1)
    time = np.arange(round(seconds * rate)) / rate
    body = np.sin(2 * np.pi * 180 * time) + 0.3 * rng.standard_normal((channels, time.size))
    return Sound(0.5 * body * np.exp(-time / 0.05), rate, recipe)


def tone(hertz: float, seconds: float, rate: int) -> Sound:
    return Sound(0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)[None], rate)


def silence(frames: int = 800, channels: int = 2) -> Sound:
    return Sound(np.zeros((channels, frames)), RATE)


# In memory


def test_a_sound_cannot_be_changed() -> None:
    samples = np.zeros((1, 10), dtype=np.float32)
    sound = Sound(samples, RATE)
    samples[:] = 1
    assert sound.levels().peak_db == -math.inf
    with pytest.raises(ValueError, match="read-only"):
        sound.samples[0, 0] = 1


def test_size() -> None:
    sound = drum(0.25, channels=3)
    assert (sound.channels, sound.frames, sound.seconds) == (3, 2000, 0.25)
    assert sound.samples.dtype == np.float32


@pytest.mark.parametrize(
    "samples", [[0.0, 1.0], [[[0.0]]], np.zeros((0, 5)), [[np.nan]], [[np.inf]], [[1e300]]]
)
def test_impossible_samples_are_refused(samples: object) -> None:
    with pytest.raises(AudioError):
        Sound(samples, RATE)  # type: ignore[arg-type]


def test_impossible_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="rate"):
        Sound(np.zeros((1, 5)), 0)


def test_tensor_and_back() -> None:
    sound = drum(recipe=RECIPE)
    tensor = sound.tensor()
    again = Sound.from_tensor(tensor.double().requires_grad_(), RATE, RECIPE)
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(again.samples, sound.samples)
    tensor.zero_()
    assert np.any(sound.samples)


# What is accepted as a sound


@pytest.mark.parametrize("kind", ["numpy", "float64", "torch", "bfloat16", "gradient"])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_an_array_with_its_rate_is_a_sound(kind: str, channels: int | None) -> None:
    samples = np.array([[0.5, -0.25, 0.0], [1.0, 0.0, 0.125]], dtype=np.float32)[: channels or 1]
    array = samples[0] if channels is None else samples
    given = {
        "numpy": array,
        "float64": array.astype(float),
        "torch": torch.from_numpy(array),
        "bfloat16": torch.from_numpy(array).bfloat16(),
        "gradient": torch.from_numpy(array).requires_grad_(),
    }[kind]
    sound = as_sound((given, np.int64(RATE)))
    assert (sound.rate, type(sound.rate)) == (RATE, int)
    np.testing.assert_array_equal(sound.samples, samples)


def test_a_sound_or_a_path_is_a_sound(tmp_path: Path) -> None:
    sound = drum(recipe=RECIPE)
    assert as_sound(sound) is sound
    sound.write(tmp_path / "a.wav", bits="float")
    for path in (tmp_path / "a.wav", str(tmp_path / "a.wav")):
        assert as_sound(path).sha256 == sound.sha256
    with pytest.raises(AudioError, match="none"):
        as_sound(tmp_path / "none.wav")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ((np.zeros((100, 2)), RATE), r"\[100, 2\]"),
        ((np.zeros((1, 2, 100)), RATE), r"\[1, 2, 100\]"),
        ((np.zeros(100, dtype=np.int16), RATE), "int16"),
        ((torch.zeros(100, dtype=torch.int16), RATE), "int16"),
        ((np.full(100, np.nan), RATE), "NaN"),
        ((np.zeros(100), 0), "rate"),
        ((np.zeros(100), 44100.5), "rate"),
        ((RATE, np.zeros(100)), r"\(array, rate\)"),
    ],
)
def test_arrays_that_are_no_sound_are_refused(given: object, match: str) -> None:
    with pytest.raises(AudioError, match=match):
        as_sound(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [np.zeros(100), None, 3, b"a.wav", (np.zeros(9),)])
def test_what_is_no_sound_is_refused(given: object) -> None:
    with pytest.raises(RequestError, match=type(given).__name__):
        as_sound(given)  # type: ignore[arg-type]


def test_importing_loads_neither_torch_nor_matplotlib() -> None:
    code = "import sys, wavesmith.picture; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


# Files


@pytest.mark.parametrize(
    ("name", "bits", "error"),
    [
        ("a.wav", 16, 2**-16),
        ("a.wav", 24, 2**-24),
        ("a.wav", "float", 0),
        ("a.flac", 16, 2**-16),
        ("a.FLAC", 24, 2**-24),
    ],
)
def test_round_trip(tmp_path: Path, name: str, bits: Bits, error: float) -> None:
    sound = drum(recipe=LONG_RECIPE)
    sound.write(tmp_path / name, bits=bits)
    again = Sound.read(tmp_path / name)
    assert (again.rate, again.samples.shape, again.recipe) == (RATE, sound.samples.shape, LONG_RECIPE)
    assert np.abs(again.samples.astype(float) - sound.samples).max() <= error
    info = soundfile.info(tmp_path / name)
    assert info.subtype == {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}[bits]


@pytest.mark.parametrize(("name", "bits"), [("a.wav", 16), ("a.flac", 24)])
def test_writing_again_what_was_read_changes_nothing(tmp_path: Path, name: str, bits: Bits) -> None:
    drum(recipe=RECIPE).write(tmp_path / name, bits=bits)
    first = Sound.read(tmp_path / name)
    first.write(tmp_path / f"b{name}", bits=bits)
    np.testing.assert_array_equal(Sound.read(tmp_path / f"b{name}").samples, first.samples)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()


@pytest.mark.parametrize(("name", "bits"), [("a.wav", 24), ("a.wav", "float"), ("a.flac", 16)])
def test_equal_sounds_make_equal_files_at_any_time(tmp_path: Path, name: str, bits: Bits) -> None:
    drum(recipe=RECIPE).write(tmp_path / name, bits=bits)
    content = (tmp_path / name).read_bytes()
    if bits == "float":  # the only place where libsndfile writes the time
        peak = content.index(b"PEAK")
        assert content[peak + 12 : peak + 16] == bytes(4)
    drum(recipe=RECIPE).write(tmp_path / name, bits=bits)
    assert (tmp_path / name).read_bytes() == content


def test_beyond_full_scale(tmp_path: Path) -> None:
    loud = Sound(np.array([[2.0, -3.0, 0.25]]), RATE)
    loud.write(tmp_path / "a.wav", bits=16)
    loud.write(tmp_path / "b.wav", bits="float")
    np.testing.assert_allclose(Sound.read(tmp_path / "a.wav").samples, [[32767 / 32768, -1, 0.25]])
    np.testing.assert_array_equal(Sound.read(tmp_path / "b.wav").samples, loud.samples)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_quiet_sounds_get_no_offset(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).normal(0, 2 / 32768, (1, 20_000))
    Sound(noise, RATE).write(tmp_path / name, bits=16)
    assert abs((Sound.read(tmp_path / name).samples - noise).mean()) < 0.02 / 32768


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_U8", 0.05),
        ("a.wav", "PCM_32", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.aiff", "PCM_24", 1e-6),
        ("a.ogg", "VORBIS", 0.5),
        ("a.mp3", "MPEG_LAYER_III", 0.5),
    ],
)
def test_formats_that_are_only_read(tmp_path: Path, name: str, subtype: str, error: float) -> None:
    sound = drum(rate=44100)
    soundfile.write(tmp_path / name, sound.samples.T, 44100, subtype)
    again = Sound.read(tmp_path / name)
    assert (again.rate, again.samples.shape) == (44100, sound.samples.shape)
    assert np.square(again.samples - sound.samples).mean() <= error**2 * np.square(sound.samples).mean()


def test_many_channels(tmp_path: Path) -> None:
    drum(channels=6).write(tmp_path / "a.wav")
    assert Sound.read(tmp_path / "a.wav").channels == 6


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_read_a_part(tmp_path: Path, name: str) -> None:
    drum(0.5).write(tmp_path / name)
    whole, part = Sound.read(tmp_path / name), Sound.read(tmp_path / name, start=0.1, seconds=0.2)
    np.testing.assert_array_equal(part.samples, whole.samples[:, 800:2400])
    assert Sound.read(tmp_path / name, start=0.4, seconds=9).frames == 800
    for start, seconds in [(0.5, None), (-1, None), (0, 0), (math.nan, None), (0, math.inf)]:
        with pytest.raises(RequestError):
            Sound.read(tmp_path / name, start=start, seconds=seconds)


def test_a_huge_file_is_read_only_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drum(0.5).write(tmp_path / "a.wav")
    monkeypatch.setattr(audio_file, "MOST_SAMPLES", 4000)
    with pytest.raises(AudioError, match="too long"):
        Sound.read(tmp_path / "a.wav")
    assert Sound.read(tmp_path / "a.wav", seconds=0.25).frames == 2000


def test_what_is_no_sound_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello " * 100)
    (tmp_path / "text.raw").write_text("hello " * 100)
    (tmp_path / "noise.flac").write_bytes(b"fLaC" + np.random.default_rng(0).bytes(500))
    for name, words in {
        "none.wav": "no sound file",
        ".": "a folder",
        "empty.wav": "0 bytes",
        "text.wav": "damaged, or not",
        "text.raw": "damaged, or not",
        "noise.flac": "damaged, or not",
    }.items():
        with pytest.raises(AudioError, match=words) as caught:
            Sound.read(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aiff", "a.ogg"])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.8])
def test_cut_short(tmp_path: Path, name: str, part: float) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (40_000, 2))
    soundfile.write(tmp_path / name, noise, 44100)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * part)])
    with pytest.raises(AudioError):
        Sound.read(tmp_path / name)


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2)), RATE)
    with pytest.raises(AudioError, match="no samples"):
        Sound.read(tmp_path / "a.wav")
    assert Sound.read(tmp_path / "a.wav", allow_empty=True).samples.shape == (2, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, bad, 0.0]), RATE, "FLOAT")
    with pytest.raises(AudioError, match=r"a\.wav: .*NaN or infinite"):
        Sound.read(tmp_path / "a.wav")


@pytest.mark.parametrize("comment", ["a nice kick", '{"verb": "generate"}', '{"verb": ', "[" * 10_000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_comment_that_is_no_recipe_is_ignored(tmp_path: Path, name: str, comment: str) -> None:
    with soundfile.SoundFile(tmp_path / name, "w", RATE, 1) as file:
        file.comment = comment
        file.write(np.zeros(100))
    assert Sound.read(tmp_path / name).recipe is None


def test_other_endings_and_widths_are_refused(tmp_path: Path) -> None:
    for name in ["a.mp3", "a", "a.wav.txt"]:
        with pytest.raises(RequestError, match=r"\.wav or \.flac"):
            drum().write(tmp_path / name)
    with pytest.raises(RequestError, match="16, 24"):
        drum().write(tmp_path / "a.flac", bits="float")
    with pytest.raises(AudioError, match="empty"):
        drum().crop(0).write(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="9 channels"):
        drum(channels=9).write(tmp_path / "a.flac")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WavesmithError, match="Cannot write"):
        drum().write(tmp_path / "a.wav")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    drum(0.01).write(tmp_path / "a.wav")
    old = (tmp_path / "a.wav").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(WavesmithError, match=os.strerror(errno.EFBIG)):
            drum(1.0).write(tmp_path / "a.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
    assert (tmp_path / "a.wav").read_bytes() == old


def test_a_header_that_promises_the_moon_takes_no_memory(tmp_path: Path) -> None:
    drum().write(tmp_path / "a.flac")
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] |= 0x0F  # the upper bits of the 36-bit count of frames
    content[22:26] = struct.pack(">I", 0xFFFFFFFF)
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(AudioError, match="too long"):
        Sound.read(tmp_path / "a.flac")


# Edits


def test_edits_keep_the_recipe_and_leave_the_sound_alone() -> None:
    sound = drum(recipe=RECIPE)
    before = sound.samples.copy()
    edits = [
        sound.resample(4000),
        sound.mono(),
        sound.stereo(),
        sound.trim(),
        sound.crop(10),
        sound.fade(0.01, 0.01),
        sound.gain(-3),
        sound.normalise(),
    ]
    assert all(edit.recipe == RECIPE for edit in edits)
    np.testing.assert_array_equal(sound.samples, before)
    assert sound.with_recipe(None).recipe is None


@pytest.mark.parametrize(("old", "new"), [(44100, 48000), (48000, 44100), (44100, 16000), (11025, 44100)])
def test_resampling_keeps_pitch_level_and_length(old: int, new: int) -> None:
    converted = tone(1000, 0.5, old).resample(new)
    expected = tone(1000, 0.5, new)
    assert converted.frames == round(round(0.5 * old) * new / old)
    middle = slice(new // 10, 4 * new // 10)
    np.testing.assert_allclose(converted.samples[0, middle], expected.samples[0, middle], atol=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 7, 100])
def test_resampling_short_sounds(frames: int) -> None:
    assert drum().crop(frames).resample(RATE * 3 // 2).frames == round(frames * 1.5)
    with pytest.raises(RequestError):
        drum().resample(0)


def test_channels() -> None:
    six = drum(channels=6)
    np.testing.assert_allclose(six.mono().samples[0], six.samples.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(six.stereo().samples, six.samples[:2])
    doubled = six.mono().stereo().samples
    np.testing.assert_array_equal(doubled[0], doubled[1])
    assert [six.mono().channels_as(n).channels for n in (1, 2, 5)] == [1, 2, 5]
    assert [six.channels_as(n).channels for n in (1, 2, 6)] == [1, 2, 6]
    for sound, channels in [(six, 5), (six.stereo(), 3), (six, 0), (six.mono(), -1)]:
        with pytest.raises(RequestError):
            sound.channels_as(channels)


def test_trim_cuts_only_the_silent_end() -> None:
    samples = np.zeros((2, 1000))
    samples[0, 300], samples[1, 500], samples[0, 700] = 0.5, 0.01, 1e-5
    trimmed = Sound(samples, RATE).trim()
    assert trimmed.frames == 501
    assert not trimmed.samples[:, :300].any()
    assert Sound(samples, RATE).trim(-120).frames == 701
    assert silence().trim().frames == 1
    assert silence(0).trim().frames == 0


def test_crop_cuts_or_pads() -> None:
    sound = drum(0.1)
    np.testing.assert_array_equal(sound.crop(100).samples, sound.samples[:, :100])
    longer = sound.crop(1000)
    assert longer.frames == 1000
    np.testing.assert_array_equal(longer.samples[:, :800], sound.samples)
    assert not longer.samples[:, 800:].any()
    with pytest.raises(RequestError):
        sound.crop(-1)


def test_fade() -> None:
    faded = Sound(np.ones((2, 800)), RATE).fade(0.02, 0.04).samples[1]
    assert faded[0] == 0
    assert faded[-1] == 0
    assert faded[80] == pytest.approx(0.5)
    assert (faded[160:480] == 1).all()
    assert (np.diff(faded[:160]) > 0).all()
    assert (np.diff(faded[480:]) < 0).all()
    assert Sound(np.ones((1, 800)), RATE).fade(out_seconds=99).samples[0, 400] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(drum().fade().samples, drum().samples)
    with pytest.raises(RequestError):
        drum().fade(-1)


def test_gain_and_normalise() -> None:
    sound = drum()
    assert sound.gain(6).levels().rms_db == pytest.approx(sound.levels().rms_db + 6, abs=1e-3)
    assert sound.normalise(-3).levels().peak_db == pytest.approx(-3, abs=1e-4)
    assert not silence().normalise().samples.any()
    assert silence(0).normalise().frames == 0
    for db in (math.nan, math.inf, 1e9):
        with pytest.raises(RequestError):
            sound.gain(db)


def test_concatenate() -> None:
    joined = Sound.concatenate([drum(0.1, recipe=RECIPE), silence(100), drum(0.1)])
    assert (joined.frames, joined.recipe) == (1700, None)
    np.testing.assert_array_equal(joined.samples[:, 900:], drum(0.1).samples)
    for sounds in ([], [drum(), drum(channels=1)], [drum(), drum(rate=4000)]):
        with pytest.raises(RequestError):
            Sound.concatenate(sounds)


# Measurements


def test_levels_of_a_known_sound() -> None:
    samples = np.zeros((2, RATE))
    samples[:, 800:4000] = 0.5
    samples[0, 1600] = 1.0
    samples[1] += 1e-5  # -100 dB: still silence
    levels = Sound(samples, RATE).levels()
    assert levels.peak_db == 0
    assert levels.clipped == 1
    assert levels.attack_seconds == pytest.approx(0.1)
    assert levels.silence_seconds == pytest.approx(0.5)
    assert levels.rms_db == pytest.approx(20 * math.log10(0.5 * math.sqrt(0.4)), abs=0.01)
    assert levels.dc_db == pytest.approx(20 * math.log10(0.2), abs=0.01)
    assert levels.tail_db == pytest.approx(-103, abs=0.1)


@pytest.mark.parametrize("frames", [0, 1, 800])
def test_levels_of_silence(frames: int) -> None:
    levels = silence(frames).levels()
    assert {levels.peak_db, levels.rms_db, levels.dc_db, levels.tail_db} == {-math.inf}
    assert (levels.clipped, levels.attack_seconds, levels.silence_seconds) == (0, 0, frames / RATE)


def test_levels_show_a_cut_off_sound() -> None:
    assert tone(440, 0.5, RATE).levels().tail_db == pytest.approx(-9, abs=0.2)
    assert drum(1.0).levels().tail_db < -80
