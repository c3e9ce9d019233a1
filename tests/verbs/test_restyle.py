import itertools

import numpy as np
import pytest
import torch

from wavesmith.errors import AudioError, RequestError, WavesmithError
from wavesmith.sound import Sound
from wavesmith.streaming import AudioFile, ResumableWriter
from wavesmith.verbs import file_recipe, make_file, restyle
from wavesmith.verbs.restyle import RESTYLE, follow_envelope


class Interrupted(Exception):
    """Stands for a power cut."""


@pytest.fixture
def long_file(texture, tmp_path):
    """Ten windows of the textures' length, at another rate."""
    texture(5000, rate=6000).write(tmp_path / "long.wav", bits="float")
    return tmp_path / "long.wav"


def test_amount_0_is_the_sound_itself(textures, texture):
    for frames, rate in ((512, 4000), (3001, 4000), (5000, 6000)):
        source = texture(frames, rate=rate)
        assert np.array_equal(restyle(textures, source, amount=0, seed=1)[0].samples, source.samples)


@pytest.mark.parametrize(("rate", "channels", "frames"), [(4000, 2, 400), (11025, 1, 5000), (4000, 3, 2000)])
def test_a_result_has_the_form_of_its_source(textures, texture, rate, channels, frames):
    (made,) = restyle(textures, texture(frames, rate=rate, channels=channels), seed=1)
    assert (made.rate, made.channels, made.frames) == (rate, min(channels, 2), frames)


@pytest.mark.parametrize("seconds", [0.2, 2.0])
def test_a_result_has_no_dc(debug, texture, seconds):
    offset = Sound(texture(round(8000 * seconds), rate=8000).samples + np.float32(0.05), 8000)
    (made,) = restyle(debug, offset, amount=0.2, seed=1)
    assert made.levels().dc_db < -50 < restyle(debug, offset, amount=0)[0].levels().dc_db


def test_what_begins_in_silence_still_does(debug, hit):
    source = hit(200, 0.25)
    assert source.samples[:, 0].max() == 0
    for made in restyle(debug, source, 4, amount=0.9, seed=1):
        assert np.abs(made.samples[:, 0]).max() < 0.01 * made.peak


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_windows_leave_no_seams(textures, texture, amount):
    """The mean power of many results, each 40 samples: within 1 dB everywhere, and no jump is unusual."""
    power, source = torch.zeros(2000), texture(2000)
    jumps = []
    for sound in restyle(textures, source, 40, amount=amount, seed=1, label="soft", steps=6):
        power += sound.tensor().square().mean(0)
        jumps.append(np.abs(np.diff(sound.samples)).max(0))
    decibels = 10 * (power / 40).reshape(-1, 40).mean(1).log10()
    if amount == 1:  # below, the source's own level over time remains
        assert (decibels - decibels.median()).abs().max() < 1
    highest = np.max(jumps, axis=0)
    assert highest.max() < 1.6 * np.quantile(highest, 0.9)


def test_the_envelope_is_followed_by_the_requested_share(textures, texture):
    swell = np.linspace(0.05, 1, 3000) ** 2
    source = Sound(texture(3000).samples * swell, 4000)

    def course(sound):
        return np.log(np.sqrt(np.square(sound.samples).reshape(2, 30, 100).mean((0, 2))) + 1e-3)

    apart = [
        np.abs(
            course(restyle(textures, source, amount=0.9, envelope=share, seed=1)[0]) - course(source)
        ).mean()
        for share in (0.0, 0.5, 1.0)
    ]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.25 * apart[0]


def test_following_wholly_not_at_all_and_through_silence():
    wave = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    source = wave * torch.linspace(0.1, 2, 4000)
    assert torch.equal(follow_envelope(wave, source, 8000, 0.0), wave)
    torch.testing.assert_close(follow_envelope(wave, source, 8000, 1.0), source, atol=0.05, rtol=0.1)
    silent = follow_envelope(wave, torch.zeros(2, 4000), 8000, 1.0)
    assert torch.isfinite(silent).all()
    assert silent.abs().max() < 0.1 * wave.abs().max()


def test_a_file_is_made_as_a_sound_in_memory_is(textures, long_file, tmp_path):
    made = restyle(textures, long_file, seed=1, amount=0.6)[0]
    recipe, peak = make_file(
        RESTYLE, textures, long_file, tmp_path / "made.wav", seed=1, amount=0.6, bits="float"
    )
    sound = Sound.read(tmp_path / "made.wav")
    assert np.array_equal(sound.samples, made.samples)
    assert sound.recipe == made.recipe == recipe
    assert peak == pytest.approx(made.peak)
    assert recipe == file_recipe(RESTYLE, textures, long_file, seed=1, amount=0.6)


def test_an_interrupted_run_goes_on_to_the_very_same_file(textures, long_file, tmp_path):
    request = {"seed": 1, "amount": 0.6, "peak_db": -3.0}
    make_file(RESTYLE, textures, long_file, tmp_path / "whole.wav", **request)
    reads = itertools.count()

    class Cut(AudioFile):
        def part(self, start, stop):
            if next(reads) == stop_at:
                raise Interrupted
            return super().part(start, stop)

    for stop_at in (5, 7, 10):  # three reads come before the first window
        reads, out = itertools.count(), tmp_path / f"cut-{stop_at}.wav"
        with pytest.raises(Interrupted):
            make_file(RESTYLE, textures, Cut(long_file), out, **request)
        assert not out.exists()
        done = []
        make_file(
            RESTYLE, textures, long_file, out, progress=lambda *count, to=done: to.append(count), **request
        )
        assert out.read_bytes() == (tmp_path / "whole.wav").read_bytes()
        assert done[0][0] > 1  # what was there was not made again
        assert done[-1][0] == done[-1][1]
    assert {path.name for path in tmp_path.glob(".*")} == set()


def test_memory_does_not_grow_with_the_length(textures, texture, tmp_path, monkeypatch):
    """What is read and kept at once is a window, whatever the length; two channels of any length."""
    most = []
    for windows in (4, 40):
        held = [0]
        part, add = AudioFile.part, ResumableWriter.add

        def read(self, start, stop, part=part, held=held):
            held.append(stop - start)
            return part(self, start, stop)

        def keep(self, done, pending, add=add, held=held):
            held.append(done.shape[1] + pending.shape[1])
            add(self, done, pending)

        texture(384 * windows).write(tmp_path / "source.wav")
        source = AudioFile(tmp_path / "source.wav")
        _ = source.peak, source.sha256  # these read the whole file, block by block
        with monkeypatch.context() as patch:
            patch.setattr(AudioFile, "part", read)
            patch.setattr(ResumableWriter, "add", keep)
            make_file(RESTYLE, textures, source, tmp_path / f"{windows}.wav", seed=1, steps=2)
        most.append(max(held))
    assert most[1] <= most[0] <= 2 * 512


def test_an_unwritable_place_and_nonsense_are_refused_before_anything_is_made(
    textures, long_file, texture, tmp_path
):
    for request, words in (
        ({"amount": -0.1}, "amount"),
        ({"envelope": 2}, "envelope cannot be 2"),
        ({"steps": 0}, "steps"),
    ):
        with pytest.raises(RequestError, match=words):
            make_file(RESTYLE, textures, long_file, tmp_path / "out.wav", **request)
    with pytest.raises(RequestError, match="ogg"):
        make_file(RESTYLE, textures, long_file, tmp_path / "out.ogg")
    with pytest.raises(AudioError, match="nowhere"):
        make_file(RESTYLE, textures, tmp_path / "nowhere.wav", tmp_path / "out.wav")
    Sound(np.zeros((2, 900)), 8000).write(tmp_path / "silent.wav")
    with pytest.raises(AudioError, match=r"silent\.wav"):
        make_file(RESTYLE, textures, tmp_path / "silent.wav", tmp_path / "out.wav")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WavesmithError, match="Cannot write"):
        make_file(RESTYLE, textures, long_file, tmp_path / "file" / "out.wav", seed=1)
    assert {path.name for path in tmp_path.iterdir()} == {"long.wav", "silent.wav", "file"}
