import math

import numpy as np
import pytest
import soundfile

from wavesmith.errors import AudioError, RequestError
from wavesmith.export import Hit, Kit, bar, read_sfz, render, write_kit
from wavesmith.sound import Sound
from wavesmith.tags import InstrumentTags

RATE = 8000


@pytest.fixture(scope="session")
def instrument(folder):
    return read_sfz(folder / "Bedroom No 1.sfz")


@pytest.fixture
def play(tmp_path, noise):
    """Write an SFZ file, with `a.wav` and `sub/b c.wav` beside it, and play hits on it."""
    noise(2).write(tmp_path / "a.wav", bits="float")
    noise(4).write(tmp_path / "sub" / "b c.wav", bits="float")

    def of(text: str, *hits: Hit, **settings: float) -> np.ndarray:
        (tmp_path / "x.sfz").write_text(text, encoding="utf-8")
        return render(read_sfz(tmp_path / "x.sfz"), hits, **settings).samples

    return of


def sound_of(kit: Kit, key: int, layer: int, turn: int) -> np.ndarray:
    piece = next(piece for piece in kit.pieces if piece.key == key)
    return piece.layers[layer].sounds[turn].stereo().samples


def heard(sound: Sound, seconds: float, frames: int = 800) -> np.ndarray:
    start = round(seconds * RATE)
    return sound.samples[:, start : start + frames]


# The kits that are written


def test_a_hit_at_full_velocity_plays_the_sound_as_it_is(instrument, kit):
    played = render(instrument, [Hit(0.05, 36, 127)])
    assert not heard(played, 0, 400).any()
    np.testing.assert_allclose(heard(played, 0.05), sound_of(kit, 36, 2, 0), atol=1e-6)
    assert played.rate == RATE
    assert played.channels == 2


def test_turns_alternate(instrument, kit):
    played = render(instrument, [Hit(k, 35, 127) for k in range(5)])
    for k, turn in enumerate([0, 1, 2, 0, 1]):
        expected = sound_of(kit, 35, 1, turn) * 10 ** (-6 / 20)
        np.testing.assert_allclose(heard(played, k), expected, atol=1e-6)


@pytest.mark.parametrize(("velocity", "layer"), [(1, 0), (42, 0), (43, 1), (84, 1), (85, 2), (127, 2)])
def test_velocity_chooses_the_layer_and_the_level(instrument, kit, velocity, layer):
    played = render(instrument, [Hit(0, 36, velocity)])
    np.testing.assert_allclose(
        heard(played, 0), sound_of(kit, 36, layer, 0) * (velocity / 127) ** 2, atol=1e-6
    )


def test_dynamics_set_how_much_velocity_counts(kit, tmp_path):
    for dynamics, level in [(0.0, 1.0), (0.5, 0.5 + 0.5 * (100 / 127) ** 2)]:
        write_kit(Kit("a", kit.pieces, dynamics=dynamics), tmp_path, overwrite=True)
        played = render(read_sfz(tmp_path / "a.sfz"), [Hit(0, 38, 100)])
        expected = sound_of(kit, 38, 0, 0)[0] * level * math.sqrt(2)
        np.testing.assert_allclose(heard(played, 0)[0], expected, atol=1e-6)


def test_pan(instrument, kit):
    left, right = heard(render(instrument, [Hit(0, 38, 127)]), 0)
    assert np.abs(right).max() < 1e-6
    np.testing.assert_allclose(left, sound_of(kit, 38, 0, 0)[0] * math.sqrt(2), atol=1e-6)


def test_hats_choke_each_other_and_nothing_else(instrument):
    hats = [Hit(0, 46, 127), Hit(0.02, 42, 127)]
    both, alone = render(instrument, hats), [render(instrument, [hit]) for hit in hats]
    assert heard(alone[0], 0.03, 200).any()
    np.testing.assert_allclose(heard(both, 0, 160), heard(alone[0], 0, 160))
    np.testing.assert_allclose(heard(both, 0.025, 200), heard(alone[1], 0.025, 200))
    fading = heard(both, 0.02, 40) - heard(alone[1], 0.02, 40)
    np.testing.assert_allclose(fading, heard(alone[0], 0.02, 40) * np.linspace(1, 0, 40, False), atol=1e-7)

    others = [Hit(0, 36, 127), Hit(0.02, 46, 127), Hit(0.04, 38, 127)]
    together = render(instrument, others, seconds=0.2).samples
    separate = [render(instrument, [hit], seconds=0.2).samples for hit in others]
    np.testing.assert_allclose(together, sum(separate), atol=1e-6)


def test_a_bar_is_the_same_whatever_the_order_of_hits(instrument, kit):
    hits = bar(kit, bars=2)
    one, other = render(instrument, hits), render(instrument, hits[::-1])
    assert one.sha256 == other.sha256
    assert one.levels().peak_db > -12
    assert one.frames >= round(hits[-1].seconds * RATE)


def test_sfizz_plays_the_same(folder, instrument, kit):
    """sfizz, the library inside many SFZ samplers, beside the renderer: the same but for a fixed gain.

    sfizz repeats a frame where the first block of a voice ends, so a little of each hit's power may differ.
    Another sound in its place would differ by all of it.
    """
    pysfizz = pytest.importorskip("pysfizz", reason="pysfizz, an independent SFZ player, is not installed")
    path = folder / "Bedroom No 1.sfz"
    hits = [*bar(kit, bpm=100, bars=2), Hit(5, 46, 127), Hit(5.03, 42, 127), Hit(5.06, 46, 127)]
    ours = render(instrument, hits).samples
    theirs = sfizz(pysfizz, path, [piece.key for piece in kit.pieces], hits, ours.shape[1] + 1)[:, 1:]
    gain = (theirs * ours).sum() / np.square(ours).sum()
    for start in {round(hit.seconds * RATE) for hit in hits}:
        one, other = theirs[:, start : start + 800], gain * ours[:, start : start + 800]
        assert np.square(one - other).sum() < 0.04 * np.square(other).sum(), start / RATE


def sfizz(pysfizz, path, keys, hits, frames):
    """What sfizz plays, `[2, frames]`, in blocks of 64."""
    synth = pysfizz.Synth(RATE, 64)
    assert synth.load_sfz_file(path)
    assert synth.playable_keys == keys
    notes = [(hit.seconds, synth._synth.note_on, hit.key, hit.velocity) for hit in hits]
    notes += [(hit.seconds + hit.length, synth._synth.note_off, hit.key, 0) for hit in hits]
    blocks = []
    for start in range(0, frames, 64):
        for seconds, act, key, velocity in notes:
            if 0 <= (delay := round(seconds * RATE) - start) < 64:
                act(delay, key, velocity)
        blocks.append(np.array(synth._synth.render_block()))
    return np.concatenate(blocks, axis=1)[:, :frames]


# Any SFZ file


def test_what_regions_inherit(play, tmp_path):
    text = """
    // a comment with <region> sample=no.wav
    <control> default_path=sub/  /* more
    <region> */
    <global> volume=-6 lovel=10
    <master> pan=-100
    <group> key=40
    <region> sample=b c.wav lovel=1
    <region> sample=b c.wav key=c#3 volume=0 pan=0
    <group> lokey=e2 hikey=f2 pitch_keytrack=0 sample=b c.wav
    <region>
    <control> default_path=
    <master>
    <region> sample=.\\a.wav hikey=bb-1 lokey=8
    <curve> curve_index=7 v000=0
    <region> sample=*sine key=99
    <region> sample=a.wav trigger=release key=98
    """
    play(text, Hit(0, 40))
    regions = read_sfz(tmp_path / "x.sfz").regions
    found = [(r.lokey, r.hikey, r.lovel, r.volume, r.pan, r.sample.name) for r in regions]
    assert found == [
        (40, 40, 1, -6, -100, "b c.wav"),
        (49, 49, 10, 0, 0, "b c.wav"),
        (40, 41, 10, -6, -100, "b c.wav"),
        (8, 10, 10, -6, 0, "a.wav"),
    ]
    assert [r.pitch_keycenter for r in regions] == [40, 49, 60, 60]


def test_windows_line_ends_and_everything_on_one_line(play):
    np.testing.assert_array_equal(
        play("<group>key=36\r\n<region>sample=a.wav\r\n", Hit(0, 36, 127)),
        play("<group> key=36 <region> sample=a.wav", Hit(0, 36, 127)),
    )


def test_turns_go_on_with_every_hit_of_the_key(play):
    text = """<group> key=36 seq_length=2 amp_veltrack=0
    <region> seq_position=1 hivel=63 sample=a.wav
    <region> seq_position=2 hivel=63 volume=-20 sample=a.wav
    <region> seq_length=1 lovel=64 volume=-40 sample=a.wav"""
    played = play(text, *(Hit(k, 36, velocity) for k, velocity in enumerate([20, 20, 100, 20, 20])))
    loudness = [np.abs(played[:, k * RATE : k * RATE + 800]).max() for k in range(5)]
    np.testing.assert_allclose(np.log10(np.array(loudness) / loudness[0]), [0, -1, -2, -1, 0], atol=1e-5)


def test_keys_are_held_unless_one_shot(play):
    short = play("<region> key=36 sample=a.wav", Hit(0, 36, 127, 0.02), seconds=0.1)
    whole = play("<region> key=36 loop_mode=one_shot sample=a.wav", Hit(0, 36, 127, 0.02))
    np.testing.assert_array_equal(short[:, :160], whole[:, :160])
    assert not short[:, 200:].any()
    assert np.abs(whole[:, 200:]).max() > 0.05


def test_loops_by_opcode_and_by_the_file(play, noise, tmp_path):
    noise(6).write(tmp_path / "loop.wav", bits="float", instrument=InstrumentTags(60, (100, 300)))
    source = noise(6).samples
    expected = np.concatenate([source[:, :300], *[source[:, 100:300]] * 4], axis=1)
    for text in (
        "sample=loop.wav",
        "sample=loop.wav loop_mode=loop_sustain",
        "sample=loop.wav loop_start=100 loop_end=299 loop_mode=loop_continuous",
    ):
        played = play(f"<region> key=60 {text}", Hit(0, 60, 127, 1100 / RATE))
        np.testing.assert_array_equal(played[:, :1100], expected)
        assert not played[:, 1141:].any()
    once = play("<region> key=60 sample=loop.wav loop_mode=one_shot", Hit(0, 60, 127))
    np.testing.assert_array_equal(once, source)


def test_pitch_follows_the_key(tmp_path):
    time = np.arange(RATE) / RATE
    Sound(0.5 * np.sin(2 * np.pi * 400 * time)[None], RATE).fade(0.02, 0.02).write(tmp_path / "a.wav")
    (tmp_path / "x.sfz").write_text("<region> sample=a.wav pitch_keycenter=60 transpose=-12 tune=0")
    for key, hertz in [(60, 200), (72, 400), (79, 400 * 2 ** (7 / 12))]:
        played = render(read_sfz(tmp_path / "x.sfz"), [Hit(0, key, 127, 9)])
        spectrum = np.abs(np.fft.rfft(played.mono().samples[0]))
        assert spectrum.argmax() * RATE / played.frames == pytest.approx(hertz, abs=1)
        assert played.seconds == pytest.approx(9, abs=0.01)


def test_samples_of_other_rates_are_converted(noise, tmp_path):
    noise(2, rate=16000).write(tmp_path / "a.wav")
    noise(4).write(tmp_path / "b.wav")
    (tmp_path / "x.sfz").write_text("<region> key=1 sample=a.wav <region> key=2 sample=b.wav")
    instrument = read_sfz(tmp_path / "x.sfz")
    assert render(instrument, [Hit(0, 2)]).rate == 16000
    played = render(instrument, [Hit(0, 1, 127, 1), Hit(0.5, 2, 127, 1)], rate=RATE, seconds=1)
    np.testing.assert_allclose(heard(played, 0), noise(2, rate=16000).resample(RATE).samples, atol=1e-5)
    np.testing.assert_allclose(heard(played, 0.5), noise(4).samples, atol=1e-6)


def test_negative_amp_veltrack_turns_velocity_round(play):
    soft = play("<region> key=36 amp_veltrack=-100 sample=a.wav", Hit(0, 36, 10))
    loud = play("<region> key=36 amp_veltrack=-100 sample=a.wav", Hit(0, 36, 127))
    assert np.abs(soft).max() > 0.2
    assert not loud.any()


def test_silence_where_nothing_plays(play):
    assert not play("<region> key=36 sample=a.wav", Hit(0, 37)).any()
    assert play("<region> key=36 sample=a.wav", seconds=0.5).shape == (2, 4000)
    assert play("<region> key=36 loop_mode=one_shot sample=a.wav", Hit(0, 36), seconds=0.05).shape == (2, 400)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no regions"),
        ("<group> key=36", "no regions"),
        ("<region> key=36", "no regions"),
        ('#include "x.sfz"', "#include"),
        ("#define $A 3", "#include"),
        ("<region> sample=a.wav key=h4", r"x\.sfz"),
        ("<region> sample=a.wav volume=loud", r"x\.sfz"),
        ("<region> sample=a.wav lovel=", r"x\.sfz"),
    ],
)
def test_sfz_files_that_make_no_sense(play, text, words):
    with pytest.raises(RequestError, match=words):
        play(text)


def test_missing_files(play, tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav"):
        play("<region> sample=none.wav")
    with pytest.raises(RequestError, match="Cannot read"):
        read_sfz(tmp_path / "none.sfz")


def test_impossible_music(play):
    text = "<region> key=36 sample=a.wav loop_mode=loop_continuous loop_start=5000"
    with pytest.raises(RequestError, match="no hits"):
        play(text)
    with pytest.raises(RequestError, match="Keys go"):
        play(text, Hit(0, 200))
    with pytest.raises(RequestError, match="play less"):
        play("<region> key=36 sample=a.wav", Hit(1e7, 36))
    with pytest.raises(RequestError, match="play less"):
        play("<region> key=36 sample=a.wav", seconds=-1)
    with pytest.raises(RequestError, match="repeat frames"):
        play(text, Hit(0, 36))
    with pytest.raises(RequestError, match="lasts too long"):
        play("<region> sample=a.wav tune=-30000", Hit(0, 36, 127, 1e7), seconds=1)


def test_a_foreign_file_with_a_loop_that_is_not_there(play, noise, tmp_path):
    noise(2).write(tmp_path / "c.wav", instrument=InstrumentTags(60, (10, 20)))
    content = bytearray((tmp_path / "c.wav").read_bytes())
    at = content.index(b"smpl") + 8 + 36 + 8
    content[at : at + 8] = b"\xff\xff\x00\x00\xff\xff\xff\x00"
    (tmp_path / "c.wav").write_bytes(content)
    assert soundfile.info(tmp_path / "c.wav").frames == 800
    with pytest.raises(RequestError, match="repeat frames"):
        play("<region> key=36 sample=c.wav", Hit(0, 36))
