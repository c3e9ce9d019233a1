import contextlib
import errno
import json
import math
import shutil

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.models import Model, convert, load
from wavesmith.networks import DanceDiffusionConfig
from wavesmith.noise import ItemNoise
from wavesmith.verbs import generate


@pytest.fixture
def folder(dance, tmp_path):
    convert(dance, tmp_path / "maestro", "diffusers")
    return tmp_path / "maestro"


def reconfigure(folder, **changes):
    path = folder / "unet/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_loads_straight(dance, folder, same):
    found = load(folder)
    assert same(found, dance)
    assert (found.rate, found.family.config.length, found.channels) == (16000, 256, 2)
    assert "diffusers folder `maestro`" in found.card


def test_a_pickle_of_tensors_will_do(dance, folder, same):
    tensors = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    torch.save(tensors, folder / "unet/diffusion_pytorch_model.bin")
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    assert same(load(folder), dance)


def test_the_published_folders_do_not_say_how_wide_the_noise_features_are(dance, folder, same):
    path = folder / "unet/config.json"
    settings = json.loads(path.read_text())
    del settings["time_embedding_dim"]
    path.write_text(json.dumps(settings))
    assert same(load(folder), dance)


def test_its_own_card_is_kept(folder):
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Piano\n\nBy somebody.\n")
    card = load(folder).card
    assert "By somebody." in card
    assert card.count("---\n") == 2


def test_the_official_network_is_described_as_it_was_published():
    from wavesmith.models.importers.diffusers import _settings

    settings = _settings(DanceDiffusionConfig())
    assert settings["block_out_channels"] == [128, 128, 256, 256, *[512] * 9]
    assert settings["down_block_types"] == [
        "DownBlock1DNoSkip",
        *["DownBlock1D"] * 7,
        *["AttnDownBlock1D"] * 5,
    ]
    assert settings["up_block_types"] == [*["AttnUpBlock1D"] * 5, *["UpBlock1D"] * 7, "UpBlock1DNoSkip"]


@pytest.mark.parametrize("file", ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"])
def test_missing_files_are_named(folder, file, refusal):
    (folder / file).unlink()
    with refusal(file.partition(".")[0].removeprefix("unet/")):
        load(folder)


@pytest.mark.parametrize("text", ["", "[", "null", "[]", "{}", '{"block_out_channels": 3}', "\x00"])
def test_settings_that_are_none_are_refused(folder, text, refusal):
    (folder / "unet/config.json").write_text(text)
    with refusal("config.json"):
        load(folder)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"down_block_types": ["DownResnetBlock1D"] * 3}, "down_block_types"),
        ({"down_block_types": 5}, "config.json describes no network"),
        ({"time_embedding_type": "positional"}, "time_embedding_type"),
        ({"flip_sin_to_cos": False}, "flip_sin_to_cos"),
        ({"block_out_channels": [32, 33, 34]}, "33"),
        ({"sample_rate": "fast"}, "rate"),
        ({"in_channels": None}, "channels"),
    ],
)
def test_other_networks_are_refused(folder, changes, word, refusal):
    reconfigure(folder, **changes)
    with refusal(word):
        load(folder)


def test_weights_that_do_not_fit_are_named(folder, refusal):
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["mid_block.attentions.5.key.weight"]
    tensors["mid_block.down.kernel"] = torch.ones(8)
    tensors["mid_block.attentions.4.key.weight"] = torch.ones(64, 3)
    save_file(tensors, path)
    with refusal(
        "mid_block.attentions.5.key.weight is missing",
        "mid_block.down.kernel",
        "mid_block.attentions.4.key.weight has shape (64, 3) instead of (64, 64)",
    ):
        load(folder)


def test_a_contradicting_rate_and_a_choice_of_weights_are_refused(folder, refusal):
    with refusal("16000", "8000"):
        load(folder, rate=8000)
    with refusal("weights"):
        load(folder, weights="ema")
    assert load(folder, length=1024).family.config.length == 1024


def test_what_diffusers_cannot_build_is_not_written(dance, tmp_path, refusal):
    for changes in ({"kernel": 3}, {"bias": False}, {"attentions": 0}, {"channels": (32, 32, 32, 64)}):
        network = DanceDiffusionConfig.model_validate(dict(dance.family.config.network) | changes)
        config = dance.family.config.model_copy(update={"network": network})
        with refusal("diffusers"):
            convert(Model("made", "", type(dance.family)(config)), tmp_path / "out", "diffusers")
    assert not (tmp_path / "out").exists()


# --- the hub -----------------------------------------------------------------------------------------------


@pytest.fixture
def _offline(folder, tmp_path, monkeypatch):
    """A cache of the hub with one model in it, and no network."""
    repository = tmp_path / "hub" / "models--harmonai--maestro-150k"
    shutil.copytree(folder, repository / "snapshots" / "1234567")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1234567")
    get = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, **options: get(name, cache_dir=tmp_path / "hub", local_files_only=True, **options),
    )


@pytest.mark.usefixtures("_offline")
def test_a_repository_loads_from_the_cache_when_offline(dance, same, refusal):
    found = load("harmonai/maestro-150k")
    assert same(found, dance)
    assert found.name == "harmonai/maestro-150k"
    with refusal("harmonai/honk-140k"):
        load("harmonai/honk-140k")


def test_a_cache_without_room_is_one_sentence(monkeypatch, refusal):
    def full(name, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with refusal("harmonai/honk-140k", "HF_HOME"):
        load("harmonai/honk-140k")


# --- beside diffusers itself -------------------------------------------------------------------------------


def theirs(diffusers, blocks=(32, 64, 64), attending=1, length=512):
    """Its network with random weights, as published but for its size."""
    torch.manual_seed(0)
    plain = len(blocks) - 1 - attending
    return diffusers.UNet1DModel(
        sample_size=length,
        sample_rate=16000,
        in_channels=2,
        out_channels=2,
        extra_in_channels=16,
        time_embedding_type="fourier",
        time_embedding_dim=16,
        use_timestep_embedding=False,
        flip_sin_to_cos=True,
        freq_shift=0.0,
        down_block_types=["DownBlock1DNoSkip"] + ["DownBlock1D"] * plain + ["AttnDownBlock1D"] * attending,
        up_block_types=["AttnUpBlock1D"] * attending + ["UpBlock1D"] * plain + ["UpBlock1DNoSkip"],
        mid_block_type="UNetMidBlock1D",
        block_out_channels=blocks,
    ).eval()


@pytest.fixture
def pipeline(diffusers):
    with contextlib.redirect_stderr(None):
        return diffusers.DanceDiffusionPipeline(theirs(diffusers), diffusers.IPNDMScheduler())


def test_it_computes_what_diffusers_computes(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path / "theirs")
    model = load(tmp_path / "theirs")
    x = torch.randn(2, 2, 512, generator=torch.Generator().manual_seed(1))
    level = torch.tensor([0.3, 0.8])
    with torch.no_grad():
        expected, found = pipeline.unet(x, level).sample, model.family.network(x, level)
    assert (found - expected).norm() < 1e-5 * expected.norm()
    with_gradients = model.family.network(x, level).detach()
    assert (with_gradients - expected).norm() < 1e-5 * expected.norm()


@torch.no_grad()
@pytest.mark.parametrize("steps", [10, 50])
def test_iplms_on_the_crash_schedule_is_diffusers_step_for_step(pipeline, diffusers, tmp_path, steps):
    """All states on the way, from the same noise.

    In its very first step diffusers divides by alpha = 0 and so takes the sound to be silent there, where the
    network says -v. A trained network's v is next to nothing there; a random one's is not: it is put right.
    """
    pipeline.save_pretrained(tmp_path / "theirs")
    model = load(tmp_path / "theirs")
    x = noise = ItemNoise(5, [0, 1]).normal((2, 512))
    theirs, ours = [], []
    scheduler = diffusers.IPNDMScheduler()
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        theirs.append(x)
        v = pipeline.unet(x, t).sample
        following = scheduler.step(v, t, x).prev_sample
        x = following if len(theirs) > 1 else following - scheduler.alphas[1] * v

    def watch(step, steps, x, sigma, denoised):
        ours.append(x / (1 + sigma[:, None, None] ** 2).sqrt())

    sigmas = schedule("crash", steps, 0.0, math.inf)
    last = SAMPLERS["iplms"](model.family.denoiser, sigmas[0].float() * noise, sigmas, callback=watch)
    for found, expected in zip([*ours, last], [*theirs, x], strict=True):
        assert (found - expected).abs().max() < 1e-4


def test_diffusers_reads_what_is_written(pipeline, diffusers, tmp_path):
    pipeline.save_pretrained(tmp_path / "theirs")
    convert(load(tmp_path / "theirs"), tmp_path / "ours", "diffusers")
    again = diffusers.DanceDiffusionPipeline.from_pretrained(tmp_path / "ours")
    before, after = pipeline.unet.state_dict(), again.unet.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert again.unet.config.sample_rate == 16000


def test_a_sound_of_a_folder_carries_its_recipe(folder):
    sound = generate(load(folder), 1, seed=1, steps=2)[0]
    assert sound.recipe.model == str(folder)
    assert sound.recipe.settings["sampler"] == "dpmpp_3m"
