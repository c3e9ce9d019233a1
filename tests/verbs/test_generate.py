from itertools import islice

import numpy as np
import pytest
import torch

from wavesmith.errors import AudioError, ModelError, RequestError
from wavesmith.models import debug_model, load
from wavesmith.noise import ItemNoise
from wavesmith.sound import Sound
from wavesmith.verbs import VERBS, again, generate, stream
from wavesmith.verbs.verb import condition_of, recorded


@pytest.fixture(scope="module")
def model():
    return load("debug")


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def same(one, other):
    return np.array_equal(one.samples, other.samples)


def test_sounds_are_as_the_model_makes_them(model):
    sounds = generate(model, 2, label="kick", seed=1)
    assert len(sounds) == 2
    for sound in sounds:
        assert (sound.rate, sound.channels, sound.frames) == (8000, 2, 2048)
        assert sound.levels().peak_db == pytest.approx(-1, abs=1e-3)


def test_the_same_seed_makes_the_same_sounds_however_many(model):
    eight = generate(model, 8, seed=5)
    assert same(generate(model, 1, seed=5)[0], eight[0])
    assert same(generate(model, 1, seed=5, first=5)[0], eight[5])
    assert all(map(same, generate(model, 3, seed=5, first=4), eight[4:7]))


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "euler_ancestral", "dpm_adaptive", "dpmpp_3m_sde"])
def test_it_is_so_for_samplers_that_draw_noise_or_choose_their_steps(model, sampler):
    several = generate(model, 3, seed=5, sampler=sampler, steps=3)
    assert same(generate(model, 1, seed=5, first=2, sampler=sampler, steps=3)[0], several[2])


def test_the_number_of_threads_changes_no_sample(model, threads):
    """Not bit for bit: the convolutions of more threads may sum in another order. Nobody hears -100 dB."""
    torch.set_num_threads(1)
    one = generate(model, 2, label="snare", seed=9)
    torch.set_num_threads(2)
    for a, b in zip(one, generate(model, 2, label="snare", seed=9), strict=True):
        np.testing.assert_allclose(a.samples, b.samples, rtol=0, atol=1e-5)


def test_the_callers_random_numbers_neither_matter_nor_are_used(model):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    one, after = generate(model, seed=3)[0], torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    torch.manual_seed(2)
    assert same(generate(model, seed=3)[0], one)


def test_seeds_indices_and_labels_make_different_sounds(model):
    sounds = generate(model, 2, seed=1) + generate(model, seed=2)
    sounds += [generate(model, seed=1, label=label)[0] for label in model.labels]
    for k, one in enumerate(sounds):
        assert not any(same(one, other) for other in sounds[:k])


def test_guidance_and_steps_change_the_sound_and_guidance_needs_a_label(model):
    plain = generate(model, seed=1, label="kick", guidance=1)[0]
    assert not same(generate(model, seed=1, label="kick", guidance=4)[0], plain)
    assert not same(generate(model, seed=1, label="kick", guidance=1, steps=7)[0], plain)
    assert same(generate(model, seed=1, guidance=4)[0], generate(model, seed=1, guidance=1)[0])


def test_eta_is_the_share_of_fresh_noise(model):
    def made(sampler, eta=None):
        return generate(model, seed=1, sampler=sampler, steps=6, eta=eta)[0]

    assert same(made("ddim", 0.0), made("ddim"))
    assert same(made("ddim", 1.0), made("ddpm"))
    assert not same(made("ddim", 0.5), made("ddim", 0.0))
    assert not same(made("ddim", 0.5), made("ddim", 1.0))
    assert same(made("dpmpp_2m_sde", 0.0), made("dpmpp_2m"))
    sound = made("dpmpp_2m_sde", 0.3)
    assert sound.recipe.settings["eta"] == 0.3
    assert same(again(sound), sound)


def test_noise_levels_and_guidance_interval_change_the_sound(model):
    plain = generate(model, seed=1, label="kick")[0]
    for requested in ({"sigma_min": 0.5}, {"sigma_max": 3.0}, {"guidance_interval": (0.1, 1.0)}):
        sound = generate(model, seed=1, label="kick", **requested)[0]
        assert not same(sound, plain), requested
        assert same(again(sound), sound)


def test_a_recipe_without_eta_for_samplers_without_one(model):
    """Recipes from before there was one are so; they are made again, and known again in a folder."""
    sound = generate(model, seed=1, label="kick")[0]
    assert "eta" not in sound.recipe.settings
    assert same(again(sound), sound)
    assert again(sound).recipe == sound.recipe


@pytest.mark.parametrize("seconds", [0.01, 0.1234, 0.5])
def test_a_sound_has_the_requested_length(model, seconds):
    sound = generate(model, seed=1, seconds=seconds)[0]
    assert sound.frames == round(seconds * 8000)
    assert same(again(sound), sound)


def test_a_sound_carries_what_it_was_made_with(model):
    sound = generate(model, 1, label="snare", seed=7, first=2, steps=3, peak_db=-6.0)[0]
    recipe = sound.recipe
    assert (recipe.verb, recipe.model, recipe.model_hash) == ("generate", "debug", model.hash)
    assert (recipe.seed, recipe.index) == (7, 2)
    settings = VERBS["generate"].settle(model, label="snare", steps=3, peak_db=-6.0)
    assert recipe.settings == recorded(*settings)


def test_a_seed_that_was_drawn_is_in_the_recipe(model):
    sound = generate(model)[0]
    assert same(generate(model, seed=sound.recipe.seed)[0], sound)
    assert not same(generate(model)[0], sound)


def test_a_sound_is_made_again_from_itself_its_recipe_or_its_file(model, tmp_path):
    sound = generate(model, 3, label="kick", seed=4, guidance=3.0, steps=5)[2]
    sound.write(tmp_path / "kick.wav", bits="float")
    assert same(again(sound), sound)
    assert same(again(sound.recipe, model=model), sound)
    made = again(tmp_path / "kick.wav")
    assert same(made, sound)
    assert made.recipe == sound.recipe


def test_another_model_is_refused(model):
    sound, other = generate(model, seed=1)[0], debug_model()
    recipe = sound.recipe.model_copy(update={"model_hash": "0" * 16})
    with pytest.raises(ModelError, match=f"0{{16}}.*{other.hash}.*it was made with by --model"):
        again(recipe, model=other)
    with pytest.raises(ModelError, match=r"made by model debgu.*did you mean 'debug'.*--model"):
        again(sound.recipe.model_copy(update={"model": "debgu"}))


def test_a_sound_without_a_recipe_is_refused(model, tmp_path):
    bare = generate(model, seed=1)[0].with_recipe(None)
    bare.write(tmp_path / "bare.wav")
    for source in (bare, tmp_path / "bare.wav"):
        with pytest.raises(AudioError, match="carries no recipe"):
            again(source)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"verb": "grow"}, "'grow'"),
        ({"settings": {}}, "seconds"),
        ({"settings": {"steps": 10**9}}, "steps"),
        ({"settings": {"seconds": 1e9}}, "seconds"),
        ({"settings": {"label": "choir"}}, "no label called 'choir'"),
        ({"settings": {"sigma_min": -1.0}}, "sigma_min"),
        ({"settings": {"sigma_max": 0.0}}, "sigma_max"),
        ({"settings": {"eta": 0.5}}, "takes no eta"),
        ({"settings": {"guidance_interval": [1.0, 1.0]}}, "guidance_interval"),
        ({"settings": {"colour": "red"}}, "colour"),
        ({"seed": -1}, "negative"),
        ({"index": -1}, "negative"),
    ],
)
def test_a_recipe_that_was_tampered_with_is_refused(model, changes, sentence):
    recipe = generate(model, seed=1)[0].recipe
    if changes.get("settings"):
        changes = {"settings": recipe.settings | changes["settings"]}
    with pytest.raises(RequestError) as caught:
        again(recipe.model_copy(update=changes))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "requested",
    [{"count": 0}, {"seed": -1}, {"first": -1}, {"label": "choir"}, {"steps": 0}, {"sigma_min": 99}],
)
def test_a_bad_request_is_refused_before_the_first_sound(model, requested):
    with pytest.raises(RequestError):
        stream(model, **{"count": 1, "seed": 1} | requested)


def test_a_stream_makes_sounds_lazily(model):
    done = []
    sounds = stream(model, 10**12, seed=1, progress=lambda *counts: done.append(counts))
    two = list(islice(sounds, 2))
    assert all(map(same, two, generate(model, 2, seed=1)))
    assert done == [(1, 10**12)]


def test_progress_reaches_the_end(model):
    done = []
    generate(model, 3, seed=1, progress=lambda *counts: done.append(counts))
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_sounds_for_which_skip_is_true_are_left_out(model):
    four = generate(model, 4, seed=1)
    odd = list(stream(model, 4, seed=1, skip=lambda recipe: recipe.index % 2 == 0))
    assert [sound.recipe.index for sound in odd] == [1, 3]
    assert all(map(same, odd, four[1::2]))


def test_a_batch_makes_what_single_sounds_are(model):
    settings, sampling = VERBS["generate"].settle(model, label="kick")

    def waves(indices):
        condition, noise = condition_of(model, settings), ItemNoise(1, indices)
        with torch.inference_mode():
            return model.family.generate(condition, 2048, sampling, noise)

    for index, wave in zip([4, 0, 2], waves([4, 0, 2]), strict=True):
        torch.testing.assert_close(wave, waves([index])[0], rtol=1e-3, atol=1e-5)


def test_a_model_that_answers_nonsense_is_reported_not_played():
    broken = debug_model()
    next(broken.family.network.parameters()).data.fill_(float("nan"))
    with pytest.raises(ModelError, match="not a sound"):
        generate(broken, seed=1)


def test_sounds_are_plain_sounds(model):
    assert isinstance(generate(model, seed=1)[0], Sound)
