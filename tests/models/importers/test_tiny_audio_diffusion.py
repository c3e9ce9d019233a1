import pytest
import torch
import yaml

from wavesmith.models import Model, convert, load
from wavesmith.models.importers.checkpoint import CheckpointFile, ImportOptions
from wavesmith.models.importers.tiny_audio_diffusion import _mapping, _rate_and_length
from wavesmith.networks import AttentionUNetConfig
from wavesmith.noise import ItemNoise

SETTINGS = {"sampling_rate": 8000, "length": 200, "model": {"model": {"attention_heads": 2}}}


@pytest.fixture
def path(tiny, tmp_path):
    """A checkpoint and its configuration beside it, as they lie on the Hugging Face Hub."""
    (tmp_path / "kicks").mkdir()
    convert(tiny, tmp_path / "kicks" / "kicks_v7.ckpt", "ckpt")
    (tmp_path / "kicks" / "config.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path / "kicks" / "kicks_v7.ckpt"


def test_a_checkpoint_loads_straight_by_file_and_by_folder(tiny, path, same):
    for place in (path, path.parent):
        found = load(place)
        assert same(found, tiny)
        assert (found.rate, found.family.config.length, found.channels) == (8000, 200, 2)
        sampling = found.family.config.sampling
        assert (sampling.sampler, sampling.schedule, sampling.steps) == ("dpmpp_3m", "exponential", 54)


def test_it_has_the_keys_of_the_original(tmp_path):
    """Some of the 595 names and shapes of a published model."""
    config = AttentionUNetConfig()
    with torch.device("meta"):
        network = config.build(2).state_dict()
    names = {
        theirs: tuple(network[ours].shape) for ours in network for theirs in _mapping(ours, config).theirs
    }
    assert len(names) == 595
    deepest = "blocks.2.net" + ".block.blocks.5" * 5 + ".block.blocks.7.block.blocks.13"
    for name, shape in {
        "blocks.0.weights": (128,),
        "blocks.0.to_out.weight": (1024, 257),
        "blocks.1.blocks.1.0.bias": (1024,),
        "blocks.2.net.block.blocks.0.block.weight": (32, 2, 1),
        "blocks.2.net.block.blocks.1.block.blocks.0.blocks.1.2.weight": (32, 32, 3),
        "blocks.2.net.block.blocks.2.blocks.0.block.blocks.0.1.weight": (64, 1024),
        "blocks.2.net.block.blocks.10.block.1.weight": (2, 32, 3),
        "blocks.2.net.skip.blocks.0.1.weight": (2, 1024),
        f"{deepest}.block.blocks.0.block.weight": (256, 256, 2),
        f"{deepest}.block.blocks.24.blocks.0.block.to_kv.weight": (1024, 256),
        f"{deepest}.block.blocks.24.blocks.0.block.attention.blocks.0.weight": (256, 512),
        f"{deepest}.block.blocks.25.block.1.bias": (256,),
    }.items():
        assert names[name] == shape


def test_the_nine_copies_take_the_room_of_one(tiny, path):
    state = torch.load(path, weights_only=True)["state_dict"]
    assert len(state) == 9 * (len(tiny.family.network.state_dict()) + 2) + 2
    numbers = sum(p.numel() for p in tiny.family.network.parameters())
    assert path.stat().st_size < 2 * 4 * numbers + 1000 * len(state)


@pytest.fixture
def trained(path, rewrite):
    """A checkpoint whose average differs from its weights."""

    def train(content):
        state = content["state_dict"]
        for name in state:
            if name.startswith("model_ema.ema_model."):
                state[name] = state[name] + 1

    rewrite(path, train)
    return path


def test_the_average_is_taken_only_where_it_is_asked_for(tiny, trained, same):
    assert same(load(trained), tiny)
    assert same(load(trained, weights="online"), tiny)
    average = load(trained, weights="ema")
    bias = "unet.up.bias"
    assert torch.equal(average.family.network.state_dict()[bias], tiny.family.network.state_dict()[bias] + 1)
    assert "the average of its weights" in average.card


def test_any_of_the_prefixes_will_do(tiny, path, rewrite, same, refusal):
    def keep(content):
        state = content["state_dict"]
        content["state_dict"] = {
            n: t for n, t in state.items() if n.startswith("model_ema.ema_model.sampler.")
        }

    rewrite(path, keep)
    assert same(load(path), tiny)
    with refusal("'online'"):
        load(path, weights="online")


def test_tied_layers_that_differ_are_refused(path, rewrite, refusal):
    def untie(content):
        name = "model.net.blocks.1.blocks.1.0.bias"
        content["state_dict"][name] = content["state_dict"][name] + 1

    rewrite(path, untie)
    with refusal("blocks.1.blocks.0.0.bias", "blocks.1.blocks.1.0.bias"):
        load(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_that_differ_are_refused(path, rewrite, dtype, refusal):
    name = "model.diffusion.net.blocks.0.weights"
    rewrite(path, lambda content: content["state_dict"].update({name: torch.ones(3, dtype=dtype)}))
    with refusal("model.net.blocks.0.weights", name):
        load(path)


def test_what_is_missing_or_superfluous_is_named(path, rewrite, refusal):
    name = "blocks.2.net.block.blocks.1.block.blocks.0.blocks.0.0"

    def break_it(content):
        del content["state_dict"][f"model.net.{name}.bias"]
        content["state_dict"][f"model.net.{name}.scale"] = torch.ones(8)

    rewrite(path, break_it)
    with refusal(f"{name}.bias is missing", f"{name}.scale"):
        load(path)


@pytest.mark.parametrize("name", ["blocks.0.weights", "blocks.0.to_out.weight", "blocks.0.to_out.bias"])
@pytest.mark.parametrize("value", [None, torch.tensor(1.0)], ids=str)
def test_what_tells_the_noise_must_be_there(path, name, value, rewrite, refusal):
    rewrite(path, lambda content: content["state_dict"].update({f"model.net.{name}": value}))
    with refusal("kicks_v7.ckpt"):
        load(path)


@pytest.mark.parametrize("width", ["wide", -1, 0.5])
def test_an_attention_of_no_width(path, width, refusal):
    sizes = {"attention_features": width}
    (path.parent / "config.yaml").write_text(yaml.safe_dump(SETTINGS | {"model": {"model": sizes}}))
    with refusal("head_features"):
        load(path)


def test_half_of_a_network_is_refused(path, rewrite, refusal):
    def cut(content):
        state = content["state_dict"]
        content["state_dict"] = {
            n: t for n, t in state.items() if ".block.blocks.3." not in n and ".0.block.weight" not in n
        }

    rewrite(path, cut)
    with refusal("kicks_v7.ckpt"):
        load(path)


def test_rate_and_length_are_asked_for_where_nothing_says_them(tiny, path, same, refusal):
    (path.parent / "config.yaml").unlink()
    with refusal(f"wavesmith models convert {path} FOLDER --rate"):
        load(path)
    assert same(load(path, rate=8000, length=200), tiny)


def test_a_rate_that_contradicts_the_configuration_is_refused(path, refusal):
    with refusal("8000", "44100"):
        load(path, rate=44100)


def test_a_reference_in_the_configuration_says_nothing(path, refusal):
    (path.parent / "config.yaml").write_text("sampling_rate: ${rate}\nlength: ${length}\n")
    with refusal("rate"):
        load(path)
    assert load(path, rate=48000, length=200).rate == 48000


@pytest.mark.parametrize("text", ["model: [", "\x00", "just words"])
def test_a_configuration_that_is_none(path, text, refusal):
    (path.parent / "config.yaml").write_text(text)
    with refusal("config.yaml" if text != "just words" else "rate"):
        load(path)


def test_the_published_network_has_the_published_rate(tmp_path):
    source = CheckpointFile(tmp_path / "kicks_v7.ckpt", {}, {})
    assert _rate_and_length(source, {}, ImportOptions(), AttentionUNetConfig()) == (44100, 32768)


def test_a_network_that_is_told_a_context_is_not_written(tiny, tmp_path, refusal):
    network = tiny.family.config.network.model_copy(update={"context_channels": (3, 0, 0)})
    config = tiny.family.config.model_copy(update={"network": network})
    with refusal("context"):
        convert(Model("made", "", type(tiny.family)(config)), tmp_path / "out.ckpt", "ckpt")


# --- beside audio-diffusion-pytorch itself -----------------------------------------------------------------


@pytest.fixture
def peer(audio_diffusion_pytorch):
    torch.manual_seed(0)
    adp = audio_diffusion_pytorch
    return adp.DiffusionModel(
        net_t=adp.UNetV0,
        diffusion_t=adp.VDiffusion,
        sampler_t=adp.VSampler,
        in_channels=2,
        channels=[8, 8, 16],
        factors=[1, 4, 2],
        items=[2, 1, 2],
        attentions=[0, 0, 2],
        attention_heads=3,
        attention_features=4,
        resnet_groups=4,
        modulation_features=32,
    ).eval()


@pytest.fixture
def checkpoint(peer, tmp_path):
    """As Lightning writes it while it trains: optimizer state, average, everything."""
    optimizer = torch.optim.AdamW(peer.parameters())
    peer(torch.randn(1, 2, 64)).backward()
    optimizer.step()
    state = peer.state_dict()
    prefixes = ("model.", "model_ema.online_model.", "model_ema.ema_model.")
    content = {
        "epoch": 3,
        "global_step": 7,
        "pytorch-lightning_version": "1.7.7",
        "state_dict": {prefix + name: state[name] for prefix in prefixes for name in state}
        | {"model_ema.initted": torch.ones(1), "model_ema.step": torch.tensor([7])},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "loops": {},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
    }
    torch.save(content, tmp_path / "kicks.ckpt")
    sizes = {"attention_heads": 3, "attention_features": 4, "resnet_groups": 4}
    settings = {"sampling_rate": 8000, "length": 128, "model": {"model": sizes}}
    (tmp_path / "kicks.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "kicks.ckpt"


def test_it_computes_what_audio_diffusion_pytorch_computes(peer, checkpoint, answer):
    model = load(checkpoint)
    x = torch.randn(2, 2, 256, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = peer.net(x, torch.tensor([0.3, 0.8]))
    assert (answer(model) - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("steps", [5, 50])
def test_it_makes_the_sound_that_audio_diffusion_pytorch_makes(peer, checkpoint, sample, steps):
    model = load(checkpoint)
    noise = ItemNoise(5, [0, 1]).normal((2, 128))
    expected = peer.sample(noise, num_steps=steps)
    options = {"sampler": "ddim", "schedule": "linear", "steps": steps, "sigma_min": 0.0, "sigma_max": 1e9}
    waves = sample(model, 5, [0, 1], **options)
    assert (waves - expected).abs().max() < 1e-4


def test_audio_diffusion_pytorch_reads_what_is_written(peer, checkpoint, tmp_path):
    convert(load(checkpoint), tmp_path / "ours.ckpt", "ckpt")
    state = torch.load(tmp_path / "ours.ckpt", weights_only=True)["state_dict"]
    before = {name: tensor.clone() for name, tensor in peer.state_dict().items()}
    for prefix in ("model.", "model_ema.online_model.", "model_ema.ema_model."):
        peer.load_state_dict({n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)})
        assert all(torch.equal(before[name], tensor) for name, tensor in peer.state_dict().items())
