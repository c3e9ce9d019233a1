import numpy as np
import pytest
import torch

from wavesmith.data.audible import check_audible
from wavesmith.errors import AudioError, ModelError
from wavesmith.sound import REFERENCE_PEAK, Sound
from wavesmith.verbs.source_adapter import SourceAdapter, processed, rings, unprocessed


@pytest.mark.parametrize("rate", [8000, 44100, 6000])
def test_a_part_on_the_bench_is_that_part_of_the_whole(debug, texture, rate):
    """Resampling part by part has no edges in it."""
    source = texture(4 * rate // 10, rate=rate)
    adapter = SourceAdapter(source, debug)
    whole = adapter.inward(source.tensor())
    grain = rate // np.gcd(rate, 8000)
    start = 10 * int(grain)
    part = adapter.take(start, start + 1000)
    first = start * 8000 // rate
    error = (part - whole[:, first : first + part.shape[1]]).abs().max()
    assert error < (2e-3 if rate != 8000 else 1e-6)


def test_beyond_its_ends_there_is_silence(debug, texture):
    source = texture(500, rate=8000)
    taken = SourceAdapter(source, debug).take(400, 700)
    assert not taken[:, 100:].any()
    assert taken[:, :100].any()


def test_there_and_back_is_the_same(debug, texture):
    for channels, rate in ((1, 8000), (2, 8000), (2, 11025)):
        source = texture(4000, channels=channels, rate=rate)
        adapter = SourceAdapter(source, debug)
        back = adapter.outward(adapter.inward(source.tensor()), 4000)
        error = (back - source.tensor())[:, 200:-200].square().mean() / source.tensor().square().mean()
        assert error < 1e-3


def test_sounds_come_at_the_level_that_models_are_trained_on(debug, texture):
    adapter = SourceAdapter(texture(2000, rate=8000).gain(-30), debug)
    assert float(adapter.take(0, 2000).abs().max()) == pytest.approx(REFERENCE_PEAK, rel=1e-4)


def test_mono_and_stereo_meet(debug, textures, texture):
    assert SourceAdapter(texture(512, channels=1), textures).take(0, 512).shape == (2, 512)
    assert SourceAdapter(texture(512, channels=5), textures).channels == 2
    assert SourceAdapter(texture(512, channels=5), textures).kept(0, 512).shape == (2, 512)


@pytest.mark.parametrize("frames", [300, 512, 640, 3000])
def test_work_that_changes_nothing_gives_the_sound_in_windows(textures, texture, frames):
    adapter = SourceAdapter(texture(frames), textures)
    made = torch.cat(
        [done for done, _ in processed(adapter, lambda start, stop, known: adapter.take(start, stop))], 1
    )
    torch.testing.assert_close(made, adapter.kept(0, frames), atol=1e-5, rtol=0)
    same = torch.cat([done for done, _ in unprocessed(adapter)], 1)
    assert torch.equal(same, adapter.kept(0, frames))


def test_no_level_beyond_full_scale_or_what_the_source_reached(debug, texture):
    adapter = SourceAdapter(texture(500, rate=8000).normalise(-6), debug)
    assert adapter.gain_to(0.5, None) == 1
    assert adapter.gain_to(2.0, None) == pytest.approx(0.495)
    assert adapter.gain_to(0.5, -6.0) == pytest.approx(10 ** (-6 / 20) / 0.5)
    hot = SourceAdapter(Sound(2 * texture(500).normalise(0).samples, 8000), debug)
    assert hot.gain_to(2.0, None) == pytest.approx(1)


def test_what_ends_in_silence_and_what_goes_on(hit, texture):
    assert not rings(hit())
    assert rings(texture(2000))


def test_a_hit_that_rings_longer_than_its_source_is_not_cut(debug, hit, texture):
    short = Sound(np.pad(hit(seconds=0.1).samples, ((0, 0), (0, 450))), 8000)
    adapter = SourceAdapter(short, debug)
    long = 0.5 * texture(2048).tensor() * torch.linspace(1, 0, 2048) ** 2
    made = adapter.ended(long, [short], None)
    assert made.frames > 1500
    assert made.levels().silence_seconds > 0


def test_an_answer_that_is_no_sound_is_refused(debug, hit):
    with pytest.raises(ModelError, match="not a sound"):
        SourceAdapter(hit(), debug).outward(torch.full((2, 100), float("nan")), 100)


def test_nothing_is_refused_by_its_name():
    for frames, word in ((0, "empty"), (39, "shorter than 5 ms"), (100, "silent")):
        nothing = Sound(np.zeros((2, frames)), 8000)
        with pytest.raises(AudioError, match=f"The sound is {word}"):
            check_audible(nothing)
        with pytest.raises(AudioError, match=rf"a\.wav is {word}"):
            check_audible(nothing, "a.wav")
    check_audible(Sound(np.full((1, 40), 1e-4), 8000))
