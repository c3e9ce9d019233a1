import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import generate, vary


def roughness(sound):
    """How far apart neighbouring samples are."""
    return float(np.square(np.diff(sound.samples)).mean() / np.square(sound.samples).mean())


@pytest.mark.parametrize("method", ["noise", "inversion"])
@pytest.mark.parametrize(("rate", "channels", "frames"), [(8000, 2, 2048), (44100, 1, 3000), (6000, 2, 9000)])
def test_amount_0_is_the_sound_itself(debug, texture, method, rate, channels, frames):
    source = texture(frames, channels=channels, rate=rate)
    (same,) = vary(debug, source, amount=0, seed=1, method=method)
    assert np.array_equal(same.samples, source.samples)
    assert same.rate == rate


@pytest.mark.parametrize("amount", [0.3, 1.0])
@pytest.mark.parametrize(("rate", "channels", "frames"), [(8000, 2, 2048), (44100, 1, 3001), (6000, 6, 9000)])
def test_a_variation_has_the_form_of_its_source(debug, texture, amount, rate, channels, frames):
    source = texture(frames, channels=channels, rate=rate)
    (varied,) = vary(debug, source, amount=amount, seed=1, steps=2)
    assert (varied.rate, varied.channels, varied.frames) == (rate, min(channels, 2), frames)
    assert not np.array_equal(varied.samples, source.samples[:2])


def test_amount_1_has_nothing_to_do_with_the_source(textures, texture, likeness):
    first, second = (vary(textures, texture(512, seed), amount=1, seed=3)[0] for seed in (1, 2))
    assert likeness(first, second) > 0.999
    assert abs(likeness(first, texture(512, 1))) < 0.3


@pytest.mark.parametrize("method", ["noise", "inversion"])
def test_more_leads_steadily_further_away(textures, texture, likeness, method):
    source = texture(512)

    def near(amount):
        varied = vary(textures, source, 6, amount=amount, seed=1, method=method, steps=40)
        return float(np.mean([likeness(one, source) for one in varied]))

    course = [near(amount) for amount in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert course == sorted(course, reverse=True)
    assert course[0] > 0.98
    assert course[-1] < 0.4


def test_inversion_keeps_more_of_the_source(textures, texture, likeness):
    source = texture(512)
    noise, inversion = (
        np.mean([likeness(one, source) for one in vary(textures, source, 4, amount=0.6, seed=1, method=way)])
        for way in ("noise", "inversion")
    )
    assert inversion > noise + 0.1


def test_a_label_steers_the_variation(textures, texture):
    source = texture(512)
    soft, rough = (vary(textures, source, amount=0.9, seed=1, label=label)[0] for label in ("soft", "rough"))
    assert roughness(rough) > 1.5 * roughness(soft)


def test_sound_k_of_a_seed_is_always_the_same_and_all_differ(debug, hit):
    four = vary(debug, hit(), 4, seed=5)
    assert np.array_equal(vary(debug, hit(), 1, seed=5, first=2)[0].samples, four[2].samples)
    assert len({one.sha256 for one in four}) == 4
    assert vary(debug, hit(), seed=6)[0].sha256 not in {one.sha256 for one in four}


def test_it_takes_no_more_passes_than_generate(textures, texture):
    generate(textures, 1, seed=1)
    new = textures.family.denoiser.passes
    for amount in (0.2, 0.4, 1.0):
        textures.family.denoiser.passes = 0
        vary(textures, texture(512), amount=amount, seed=1)
        assert textures.family.denoiser.passes <= new


def test_a_long_sound_is_varied_throughout_without_seams(textures, texture):
    source = texture(3000)
    (varied,) = vary(textures, source, amount=0.6, seed=1, label="soft")
    changes = np.abs(varied.samples - source.samples).reshape(2, 30, 100).mean((0, 2))
    assert changes.min() > 0.2 * np.median(changes)
    assert np.abs(np.diff(varied.samples)).max() < 1.3 * np.abs(np.diff(source.samples)).max()


def test_a_hit_ends_in_silence_and_a_texture_goes_on(debug, textures, hit, texture):
    assert vary(debug, hit(), seed=1)[0].levels().silence_seconds > 0
    assert vary(textures, texture(512), seed=1)[0].levels().tail_db > -30


def test_the_level_is_kept_or_as_requested(debug, hit):
    quiet = hit().gain(-20)
    assert vary(debug, quiet, seed=1, amount=0.1)[0].levels().peak_db == pytest.approx(-24.4, abs=3)
    for amount in (0, 0.5):
        made = vary(debug, quiet, seed=1, amount=amount, peak_db=-3.0)[0]
        assert made.levels().peak_db == pytest.approx(-3, abs=0.01)


def test_the_recipe_tells_source_and_settings(debug, hit, tmp_path):
    hit().write(tmp_path / "hit.wav", bits="float")
    (varied,) = vary(debug, tmp_path / "hit.wav", seed=1, amount=0.25, label="kick")
    recipe = varied.recipe
    assert (recipe.verb, recipe.seed, recipe.settings["amount"]) == ("vary", 1, 0.25)
    assert recipe.settings["label"] == "kick"
    assert recipe.sources[0].path == str(tmp_path / "hit.wav")
    assert recipe.sources[0].sha256 == hit().sha256


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({"amount": 1.1}, "amount cannot be 1.1"),
        ({"amount": float("nan")}, "amount cannot be nan"),
        ({"method": "magic"}, "method"),
        ({"count": 0}, "0 sounds"),
        ({"steps": 0}, "steps"),
        ({"label": "choir"}, "no label called 'choir'"),
        ({"colour": 1}, "colour"),
    ],
)
def test_invalid_requests_are_refused(debug, hit, requested, words):
    with pytest.raises(RequestError, match=words):
        vary(debug, hit(), **{"seed": 1} | requested)


@pytest.mark.parametrize("amount", [0, 0.5])
def test_nothing_to_vary_is_refused(debug, amount, tmp_path):
    for frames, word in ((0, "empty"), (800, "silent")):
        with pytest.raises(AudioError, match=word):
            vary(debug, Sound(np.zeros((1, frames)), 8000), amount=amount)
    Sound(np.zeros((1, 800)), 8000).write(tmp_path / "nothing.wav")
    with pytest.raises(AudioError, match=r"nothing\.wav is silent"):
        vary(debug, tmp_path / "nothing.wav", amount=amount)
