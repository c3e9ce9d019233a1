import json
import math
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file

from wavesmith.files import sha256
from wavesmith.models import Model, convert, load
from wavesmith.models.importers import official
from wavesmith.models.importers.dance_diffusion import constants
from wavesmith.networks import DanceDiffusionConfig
from wavesmith.noise import ItemNoise
from wavesmith.verbs import generate


@pytest.fixture
def path(dance, tmp_path):
    """A checkpoint as sample-diffusion writes it, with rate and length in it."""
    convert(dance, tmp_path / "mine.ckpt", "ckpt")
    return tmp_path / "mine.ckpt"


@pytest.fixture
def silent(path, rewrite):
    """A checkpoint as sample-generator writes it, which says neither."""
    rewrite(path, lambda content: content.pop("model_config"))
    return path


def halve(content):
    content["state_dict"] = {name: tensor.half() for name, tensor in content["state_dict"].items()}


def test_a_checkpoint_loads_straight(dance, path, same):
    found = load(path)
    assert same(found, dance)
    assert (found.rate, found.family.config.length, found.channels) == (16000, 256, 2)
    assert found.name == str(path)
    sampling = found.family.config.sampling
    assert (sampling.sampler, sampling.schedule, sampling.steps) == ("dpmpp_3m", "exponential", 54)
    assert "the average of its weights" in found.card


def test_it_has_the_names_that_the_original_has(path):
    """Spot checks of the map: the top, the first and the deepest level, attention, filters."""
    state = torch.load(path, weights_only=True)["state_dict"]
    shapes = {
        "timestep_embed.weight": (8, 1),
        "net.0.main.0.weight": (32, 18, 5),
        "net.0.skip.weight": (32, 18, 1),
        "net.2.main.4.bias": (32,),
        "net.4.main.0.weight": (32, 64, 5),
        "net.6.main.3.weight": (2, 32, 5),
        "net.3.main.0.kernel": (8,),
        "net.3.main.1.main.0.weight": (64, 32, 5),
        "net.3.main.12.main.3.weight": (32, 64, 5),
        "net.3.main.7.main.14.kernel": (8,),
        "net.3.main.7.main.2.qkv_proj.weight": (192, 64, 1),
        "net.3.main.7.main.13.out_proj.bias": (64,),
        "net.3.main.7.main.7.main.4.norm.weight": (64,),
        "net.3.main.7.main.7.main.8.main.0.weight": (64, 64, 5),
    }
    for name, shape in shapes.items():
        for prefix in ("diffusion.", "diffusion_ema."):
            assert tuple(state[prefix + name].shape) == shape
    assert not any(".main.6.main.0" in name or "net.6.main.4" in name for name in state)
    assert len(state) == 2 * len({name.partition(".")[2] for name in state})
    assert state["diffusion.net.3.main.14.kernel"].sum() == pytest.approx(2)


def test_the_official_network_has_as_many_tensors_as_theirs():
    with torch.device("meta"):
        network = DanceDiffusionConfig().build(2)
    assert len(network.state_dict()) + len(constants(DanceDiffusionConfig())) == 932


def test_the_latest_weights_are_taken_where_they_are_asked_for(dance, path, rewrite, same):
    def trained_on(content):
        state = content["state_dict"]
        for name in state:
            if name.startswith("diffusion.") and "kernel" not in name:
                state[name] = state[name] + 1

    rewrite(path, trained_on)
    assert same(load(path), dance)
    assert same(load(path, weights="ema"), dance)
    online = load(path, weights="online")
    assert online.family.network.noise.frequencies[0] == dance.family.network.noise.frequencies[0] + 1
    assert "latest weights" in online.card


def test_the_average_is_found_wherever_both_lie(dance, path, rewrite, same, refusal):
    def wrap(content):
        state = content["state_dict"].items()
        one = {f"module.{n}": t + 1 if n.startswith("diffusion.") and t.ndim > 1 else t for n, t in state}
        content["state_dict"] = one

    rewrite(path, wrap)
    assert same(load(path), dance)
    assert "the average" in load(path).card
    assert not same(load(path, weights="online"), dance)
    stranger = {"ema.net.0.skip.weight": torch.ones(3)}
    rewrite(path, lambda content: content["state_dict"].update(stranger))
    with refusal("ema., module.diffusion., module.diffusion_ema."):
        load(path)


def test_a_trimmed_checkpoint_in_half_precision_loads(dance, path, rewrite):
    rewrite(path, halve)
    found = load(path).family.network
    for name, tensor in found.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, dance.family.network.state_dict()[name].half().float())


def test_one_set_of_weights_will_do(dance, path, rewrite, same, refusal):
    def trim(content):
        state = content["state_dict"]
        content["state_dict"] = {n: t for n, t in state.items() if n.startswith("diffusion.")}

    rewrite(path, trim)
    assert same(load(path), dance)
    with refusal("'ema'"):
        load(path, weights="ema")


def test_what_lightning_keeps_beside_the_weights_is_no_matter(dance, path, rewrite, same):
    def train(content):
        content |= {"loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {}, "lr_schedulers": []}
        content["optimizer_states"] = [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}]

    rewrite(path, train)
    assert same(load(path), dance)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_export_of_stable_audio_tools_loads(dance, path, tmp_path, wrapped, same, refusal):
    state = torch.load(path, weights_only=True)["state_dict"]
    export = {n.replace("diffusion.", "model.", 1): t.clone() for n, t in state.items() if "_ema" not in n}
    file = tmp_path / "export" / ("export.ckpt" if wrapped else "export.safetensors")
    file.parent.mkdir()
    torch.save({"state_dict": export}, file) if wrapped else save_file(export, file)
    assert same(load(file, rate=16000, length=256), dance)
    settings = {"model_type": "diffusion_uncond", "sample_rate": 16000, "sample_size": 512}
    (file.parent / "model_config.json").write_text(json.dumps(settings))
    for place in (file, file.parent):
        assert (load(place).rate, load(place).family.config.length) == (16000, 512)
    with refusal("'online'"):
        load(file, weights="online")


def test_rate_and_length_are_asked_for_where_nothing_says_them(silent, same, dance, refusal):
    with refusal(f"wavesmith models convert {silent} FOLDER --rate"):
        load(silent)
    with refusal("length"):
        load(silent, rate=44100)
    found = load(silent, rate=44100, length=512)
    assert (found.rate, found.family.config.length) == (44100, 512)
    assert same(found, dance)


@pytest.mark.parametrize(("options", "word"), [({"rate": 3}, "rate"), ({"length": 0}, "length")])
def test_absurd_rates_and_lengths_are_refused(silent, options, word, refusal):
    with refusal(word, "give others"):
        load(silent, **{"rate": 44100, "length": 512} | options)


@pytest.mark.parametrize("length", [1, 999_999_999])
def test_lengths_that_are_no_sounds_are_refused(silent, length, refusal):
    with refusal(str(length), "44100 Hz"):
        load(silent, rate=44100, length=length)


def test_a_rate_that_contradicts_the_file_is_refused(path, refusal):
    with refusal("16000", "44100"):
        load(path, rate=44100)
    assert load(path, length=512).family.config.length == 512


@pytest.mark.parametrize("name", ["gwf-440k", "glitch-440k"])
def test_the_official_models_are_known_by_name(silent, name):
    found = load(silent.rename(silent.with_name(f"{name}.ckpt")))
    assert (found.rate, found.family.config.length) == (48000, 65536)


@pytest.mark.parametrize("options", [{"rate": 16000}, {"length": 4096}, {"rate": 16000, "length": 65536}])
def test_a_rate_or_length_that_an_official_model_has_not_is_refused(silent, options, refusal):
    path = silent.rename(silent.with_name("gwf-440k.ckpt"))
    with refusal("glitch-440k", "48000", "65536"):
        load(path, **options)
    assert load(path, rate=48000).family.config.length == 65536


def test_all_six_official_models_are_known():
    known = {(model.name, model.rate, model.length) for model in official.OFFICIAL_MODELS}
    assert known == {
        ("glitch-440k", 48000, 65536),
        ("jmann-small-190k", 48000, 65536),
        ("jmann-large-580k", 48000, 131072),
        ("maestro-150k", 16000, 65536),
        ("unlocked-250k", 16000, 65536),
        ("honk-140k", 16000, 65536),
    }
    assert all(len(model.sha256) == 64 for model in official.OFFICIAL_MODELS)


@pytest.fixture
def whole(silent, rewrite):
    """A file that was not trimmed: it has the optimizer's state."""
    rewrite(silent, lambda content: content.update(optimizer_states=[]))
    return silent


def test_a_whole_official_model_is_known_by_its_sha256(whole, monkeypatch, refusal):
    known = official.OfficialModel("honk", "honk-1", 16000, 4096, sha256(whole))
    monkeypatch.setattr(official, "OFFICIAL_MODELS", (known,))
    for name in ("mine", "honk", "honk-1"):
        found = load(whole := whole.rename(whole.with_name(f"{name}.ckpt")))
        assert (found.rate, found.family.config.length) == (16000, 4096)
        with refusal("honk", "16000", "4096"):
            load(whole, rate=48000, length=65536)


def test_another_content_under_an_official_name_is_refused(whole, refusal):
    path = whole.rename(whole.with_name("honk-140k.ckpt"))
    with refusal("honk-140k", "a66847844659d287"):
        load(path)
    assert load(path, rate=16000, length=65536).rate == 16000


def test_other_sizes_are_seen_in_the_tensors(dance, tmp_path, same):
    for changes in (
        {"attentions": 0},
        {"attentions": 3},
        {"channels": (8, 12), "attentions": 0},
        {"kernel": 3, "bias": False},
    ):
        network = DanceDiffusionConfig.model_validate(
            {"channels": (32, 32, 64, 64), "attentions": 1, **changes}
        )
        config = dance.family.config.model_copy(update={"network": network, "channels": 1})
        made = Model("made", "", type(dance.family)(config))
        path = tmp_path / f"{hash(str(changes))}.ckpt"
        convert(made, path, "ckpt")
        found = load(path)
        assert found.family.config.network == network
        assert same(found, made)


def drop(*names):
    return lambda content: [content["state_dict"].pop(f"diffusion_ema.{name}") for name in names]


def test_what_is_missing_is_named(path, rewrite, refusal):
    rewrite(path, drop("net.3.main.1.main.0.weight", "timestep_embed.weight"))
    with refusal("net.3.main.1.main.0.weight is missing", "timestep_embed.weight is missing"):
        load(path)


def test_many_problems_make_a_short_sentence(path, rewrite, refusal):
    rewrite(path, drop(*(f"net.{i}.main.{j}.bias" for i in (0, 1, 2, 4, 5) for j in (0, 3))))
    with refusal("and 7 more problems"):
        load(path)


def test_what_is_superfluous_is_named(path, rewrite, refusal):
    rewrite(path, lambda content: content["state_dict"].update({"diffusion_ema.net.0.alpha": torch.ones(2)}))
    with refusal("net.0.alpha"):
        load(path)


def test_half_of_a_network_is_refused(path, rewrite, refusal):
    def cut(content):
        state = content["state_dict"]
        content["state_dict"] = {
            n: t for n, t in state.items() if ".net.3.main.1." not in n and "net.6" not in n
        }

    rewrite(path, cut)
    with refusal("Dance Diffusion's network"):
        load(path)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("net.0.main.3.weight", torch.ones(3), "net.0.main.3.weight has shape (3,) instead of (32, 32, 5)"),
        ("net.1.main.1.weight", torch.full((32,), math.nan), "holds values that are not finite"),
        ("net.1.main.1.weight", torch.ones(32, dtype=torch.int64), "holds torch.int64"),
        ("net.3.main.0.kernel", torch.ones(8), "net.3.main.0.kernel"),
        ("net.3.main.0.kernel", torch.ones(12), "net.3.main.0.kernel"),
        ("net.1.main.1.weight", torch.ones(32, 0), "has shape (32, 0) instead of (32,)"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_said(path, rewrite, name, value, sentence, refusal):
    rewrite(path, lambda content: content["state_dict"].update({f"diffusion_ema.{name}": value}))
    with refusal(sentence):
        load(path)


def v_ddim(network, x, angles):
    """v-diffusion's DDIM in its own coordinates, from its formulas; the final result is the clean sound."""
    for t, following in pairwise(angles):
        alpha, s = math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)
        v = network(x, x.new_full((len(x),), t))
        clean, eps = alpha * x - s * v, s * x + alpha * v
        x = math.cos(following * math.pi / 2) * clean + math.sin(following * math.pi / 2) * eps
    return clean


def test_v_ddim_on_the_crash_schedule_is_the_notebooks(dance, sample):
    u = torch.linspace(1, 0, 26, dtype=torch.float64)
    s = torch.sin(math.pi / 2 * u) ** 2
    angles = (2 / math.pi * torch.atan2(s, (1 - s**2).clamp(min=0).sqrt())).tolist()
    noise = ItemNoise(3, [0, 1]).normal((2, 256))
    with torch.no_grad():
        expected = v_ddim(dance.family.network, noise, angles)
    options = {"sampler": "ddim", "schedule": "crash", "steps": 25, "sigma_min": 0.0, "sigma_max": 1e9}
    waves = sample(dance, 3, [0, 1], **options)
    assert (waves - expected).abs().max() < 1e-4 * expected.abs().max()


def test_any_length_can_be_made(dance):
    for seconds in (0.0123, 0.1):
        sound = generate(dance, 1, seed=1, seconds=seconds, steps=3)[0]
        assert sound.samples.shape == (2, round(seconds * 16000))
