from dataclasses import replace

import numpy as np
import pytest
import torch

from wavesmith.classifiers import Classifier, ClassifierConfig
from wavesmith.descriptors import TIMBRES, Timbre, measure
from wavesmith.errors import AudioError, RequestError
from wavesmith.guides import loss_terms, read_guides, width_of
from wavesmith.models import debug_model
from wavesmith.sound import Sound
from wavesmith.verbs import again, generate

RATE = 8000


def noises(count, seed=0, frames=2048):
    """Noise of all colours that dies away quickly or slowly."""
    random = np.random.default_rng(seed)
    time = np.arange(frames) / RATE
    waves = []
    for _ in range(count):
        spectrum = np.fft.rfft(random.standard_normal((2, frames)))
        colour = (np.arange(spectrum.shape[1]) + 10.0) ** random.uniform(-1.5, 0.5)
        attack = np.clip(time / random.uniform(0.001, 0.03), 0, 1)
        wave = np.fft.irfft(spectrum * colour, frames) * np.exp(-time * random.uniform(8, 60)) * attack
        waves.append(torch.from_numpy((0.8 * wave / np.abs(wave).max()).astype(np.float32)))
    return waves


@pytest.fixture(scope="module")
def model():
    """The debug model with percentiles of noises."""
    table = measure([(wave, ("kick", "snare")[k % 2]) for k, wave in enumerate(noises(24))], RATE)
    return replace(debug_model(), timbre=table)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A classifier and a reference in the current folder."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    Classifier(ClassifierConfig(classes=("kick", "snare"), rate=6000, noisy=True)).eval().save("classifier")
    Sound(noises(1, seed=5)[0].numpy(), RATE).write("reference.wav")
    return tmp_path


def descend(loss, wave, steps=10):
    """Losses along some of Polyak's steps from a wave `[C, N]`, half of what is open each time."""
    course = []
    for _ in range(steps):
        wave = wave.detach().requires_grad_()
        value = loss(wave[None], torch.ones(1))
        assert value.shape == (1,)
        course.append(float(value.detach()))
        (gradient,) = torch.autograd.grad(value.sum(), wave)
        assert torch.isfinite(gradient).all()
        wave = wave - 0.5 * value.detach() / gradient.square().sum().clamp(min=1e-12) * gradient
    return course


def loss_of(model, **guide):
    (found,) = read_guides(guide)
    return found.settled(model).loss(model, {})


@pytest.mark.parametrize("percentile", [15, 85])
@pytest.mark.parametrize("timbre", TIMBRES)
def test_every_timbre_reaches_its_percentile(model, timbre, percentile):
    loss = loss_of(model, timbre=timbre, percentile=percentile)
    courses = [descend(loss, wave) for wave in noises(4, seed=3)]
    better = [min(course[1:]) < 0.6 * course[0] + 1e-3 for course in courses]
    assert sum(better) >= 3, [(round(course[0], 3), round(min(course), 3)) for course in courses]


@pytest.mark.parametrize(
    "guide",
    [
        {"width": 0.0},
        {"width": 0.4},
        {"like": "reference.wav"},
    ],
)
def test_width_and_likeness_lead_to_what_they_want(model, files, guide):
    course = descend(loss_of(model, **guide), noises(1, seed=3)[0])
    assert min(course) < 0.8 * course[0]


@pytest.mark.parametrize("label", ["kick", "snare"])
def test_a_classifier_of_another_rate_and_in_mono_leads_to_its_label(model, files, label):
    """Even one that knows nothing yet: a small step along its gradient makes the label likelier."""
    loss = loss_of(model, classifier="classifier", label=label)
    wave = torch.stack(noises(4, seed=3)).requires_grad_()
    before = loss(wave, torch.ones(4))
    (gradient,) = torch.autograd.grad(before.sum(), wave)
    assert (gradient.abs().amax((1, 2)) > 0).all()
    step = 1e-4 * gradient / gradient.square().mean((1, 2), keepdim=True).sqrt()
    assert loss(wave - step, torch.ones(4)).sum() < before.sum()


def test_what_is_wanted_costs_nothing(model, files):
    reference = Sound.read("reference.wav").tensor()[None]
    assert float(loss_of(model, like="reference.wav")(reference, torch.ones(1))) < 1e-6
    width = float(width_of(reference))
    assert float(loss_of(model, width=width)(reference, torch.ones(1))) < 1e-6
    bright = float(Timbre(RATE)(reference)["brightness"])
    percentile = model.timbre.percentile("brightness", bright)
    assert float(loss_of(model, timbre="brightness", percentile=percentile)(reference, torch.ones(1))) < 1e-3


@pytest.mark.parametrize("guide", [{"timbre": name, "percentile": 60} for name in TIMBRES] + [{"width": 0.5}])
def test_gradients_are_finite_even_for_silence(model, guide):
    wave = torch.zeros(1, 2, 2048, requires_grad=True)
    loss = loss_of(model, **guide)(wave, torch.ones(1))
    (gradient,) = torch.autograd.grad(loss.sum(), wave)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(gradient).all()


def test_width_is_0_for_mono_and_half_for_unrelated_channels():
    mono = torch.randn(1, 1, 4000).expand(1, 2, 4000)
    assert float(width_of(mono)) < 0.01
    assert float(width_of(mono * torch.tensor([[[1.0], [-1.0]]]))) > 0.99
    assert float(width_of(torch.randn(1, 2, 4000))) == pytest.approx(0.5, abs=0.03)


def test_a_walk_is_led_there(model):
    def brightness(percentile):
        guide = [{"timbre": "brightness", "percentile": percentile}]
        made = generate(model, 4, seed=1, guide=guide, steps=8)
        return np.mean([float(Timbre(RATE)(one.tensor()[None])["brightness"]) for one in made])

    assert brightness(95) > brightness(5) + 0.3


def test_guides_stand_in_yaml_in_dictionaries_and_in_recipes(model, files):
    (files / "guides.yaml").write_text(
        "- timbre: brightness\n  percentile: 80\n  weight: 0.5\n  interval: [0.5, 20]\n- width: 0.2\n"
    )
    dictionaries = [
        {"timbre": "brightness", "percentile": 80, "weight": 0.5, "interval": (0.5, 20)},
        {"width": 0.2},
    ]
    assert read_guides("guides.yaml") == read_guides(dictionaries)
    one, other = (generate(model, seed=1, guide=guide)[0] for guide in ("guides.yaml", dictionaries))
    assert one.sha256 == other.sha256
    assert one.recipe.settings["guide"][0]["percentile"] == 80
    assert one.sha256 != generate(model, seed=1)[0].sha256


def test_several_guides_add(model):
    guides = [{"timbre": "brightness", "percentile": 90}, {"width": 0.1}]
    alone = [generate(model, seed=1, guide=[guide])[0].sha256 for guide in guides]
    both = generate(model, seed=1, guide=guides)[0].sha256
    assert len({*alone, both}) == 3
    assert generate(model, seed=1, guide=[guides[0], guides[1] | {"weight": 0}])[0].sha256 == alone[0]


def test_outside_its_interval_a_guide_does_nothing(model):
    def made(**interval):
        return generate(model, seed=1, steps=4, **interval)[0].sha256

    assert made(guide=[{"width": 0.1, "interval": (100, 200)}]) == made()
    assert made(guide=[{"width": 0.1, "interval": (1, 200)}]) != made()


def test_steering_takes_more_steps_by_default(model):
    steps = [
        generate(model, seed=1, **requested)[0].recipe.settings["steps"]
        for requested in ({}, {"guide": {"width": 0.1}}, {"guide": {"width": 0.1}, "steps": 5})
    ]
    assert steps == [4, 16, 5]


def test_labels_have_percentiles_of_their_own(model):
    found = read_guides({"timbre": "duration", "percentile": 50})
    wave = noises(1, seed=3)[0][None]
    values = [
        float(loss_terms(found, model, label)[0].loss(wave, torch.ones(1)))
        for label in ({}, {"kick": 1.0}, {"snare": 1.0})
    ]
    assert len(set(values)) == 3


def test_a_python_function_guides_and_its_recipe_keeps_the_name_alone(model):
    def quiet_ending(sound, sigma):
        return sound[..., 1024:].square().mean(dim=(1, 2)) * 100

    def ending(sound):
        return float(np.square(sound.samples[:, 1024:]).mean() / np.square(sound.samples).mean())

    steered, plain = generate(model, seed=1, guide=quiet_ending)[0], generate(model, seed=1)[0]
    assert ending(steered) < ending(plain)
    assert steered.recipe.settings["guide"][0]["python"] == "quiet_ending"
    with pytest.raises(RequestError, match="'quiet_ending', which its recipe does not hold"):
        again(steered, model=model)


def test_a_guidance_that_returns_nonsense_is_named_with_the_step(model):
    passes = []

    def broken(sound, sigma):
        passes.append(float(sigma[0]))
        return sound.square().mean(dim=(1, 2)) * (float("nan") if len(passes) > 4 else 1)

    with pytest.raises(RequestError, match=r"guidance 'broken' gave \[nan\] at step 3 of the walk"):
        generate(model, seed=1, guide=broken)

    def shapeless(sound, sigma):
        return sound.square().mean()

    with pytest.raises(RequestError, match=r"'shapeless'.*not one finite number for each sound"):
        generate(model, seed=1, guide=shapeless)

    def steep(sound, sigma):
        return (sound * 0).abs().sqrt().sum(dim=(1, 2))

    with pytest.raises(RequestError, match="'steep' has no finite gradient at step 1"):
        generate(model, seed=1, guide=steep)

    def numeric(sound, sigma):
        return torch.tensor([float(sound.detach().square().mean())])

    with pytest.raises(RequestError, match="'numeric'"):
        generate(model, seed=1, guide=numeric)


@pytest.mark.parametrize(
    ("guide", "words"),
    [
        ({"timbre": "brihgtness", "percentile": 50}, "'brightness'"),
        ({"timbre": "brightness"}, "'timbre'.*percentile"),
        ({"timbre": "brightness", "percentile": 101}, "'timbre'.*percentile"),
        ({"timbre": "brightness", "percentile": float("nan")}, "'timbre'.*percentile"),
        ({"width": 2}, "'width'"),
        ({"width": 0.1, "weight": -1}, "weight"),
        ({"width": 0.1, "interval": [20, 2]}, "interval.*20 and 2"),
        ({"width": 0.1, "interval": [0, float("nan")]}, "interval"),
        ({"width": 0.1, "colour": "red"}, "colour"),
        ({"width": 0.1, "like": "reference.wav"}, "timbre, classifier, like, width"),
        ({}, "timbre, classifier, like, width"),
        ([3], "timbre, classifier, like, width"),
        (5, "list"),
        ({"classifier": "classifier", "label": "choir"}, "'choir'"),
        ("nowhere.yaml", r"nowhere\.yaml"),
        ("broken.yaml", r"broken\.yaml"),
        ("plain.yaml", "list"),
        ("own.yaml", "list"),
    ],
)
def test_invalid_guides_are_refused(model, files, guide, words):
    (files / "broken.yaml").write_text("- timbre: [\n")
    (files / "plain.yaml").write_text("hello\n")
    (files / "own.yaml").write_text("own.yaml\n")
    with pytest.raises(RequestError, match=words):
        generate(model, seed=1, guide=guide)


def test_guides_that_the_model_cannot_follow_are_refused(files, model):
    with pytest.raises(RequestError, match="no table of timbres"):
        generate(debug_model(), seed=1, guide={"timbre": "depth", "percentile": 50})
    with pytest.raises(Exception, match="classifier"):
        generate(model, seed=1, guide={"classifier": "nowhere", "label": "kick"})
    with pytest.raises(AudioError, match="nowhere"):
        generate(model, seed=1, guide={"like": "nowhere.wav"})
    Sound(np.zeros((1, 800)), RATE).write("silent.wav")
    with pytest.raises(AudioError, match=r"silent\.wav"):
        generate(model, seed=1, guide={"like": "silent.wav"})


def test_a_changed_classifier_or_reference_is_refused_by_again(model, files):
    steered = generate(model, seed=1, guide={"classifier": "classifier", "label": "kick"})[0]
    like = generate(model, seed=1, guide={"like": "reference.wav"})[0]
    assert again(steered, model=model).sha256 == steered.sha256
    assert again(like, model=model).sha256 == like.sha256
    Classifier(ClassifierConfig(classes=("kick", "snare"), rate=6000)).save("classifier")
    Sound(noises(1, seed=6)[0].numpy(), RATE).write("reference.wav")
    for sound in (steered, like):
        with pytest.raises(RequestError, match="steered"):
            again(sound, model=model)
