import pytest

from wavesmith.data import ScannedFile
from wavesmith.errors import RequestError
from wavesmith.families import build, on_meta_device
from wavesmith.models import DEBUG_CONFIG
from wavesmith.networks import parameters
from wavesmith.training import default_config, load_config


def files(count, seconds=0.5, rate=44_100, channels=1):
    """Half of them half as long."""
    return [
        ScannedFile(
            path=f"kick/{k}.wav", rate=rate, channels=channels, seconds=seconds / (1 + k % 2), peak_db=-1
        )
        for k in range(count)
    ]


@pytest.mark.parametrize(("count", "examples"), [(30, 12_000), (300, 45_000), (3000, 150_000)])
def test_more_sounds_are_trained_longer_within_limits(count, examples):
    config, reasons = default_config(files(count))
    assert config.training.examples == examples
    assert f"{examples // count} looks at each of {count} sounds" in reasons[-1]
    assert config.training.warmup <= examples // 4
    assert examples / 40 <= config.training.save_every <= examples / 10
    assert config.base is None


@pytest.mark.parametrize(
    ("seconds", "rate", "length"),
    [(0.5, 44_100, 0.5), (0.01, 44_100, 0.25), (60.0, 44_100, 4.0), (1.0, 8000, 1.0), (0.5, 96_000, 0.5)],
)
def test_the_length_fits_the_sounds_within_limits(seconds, rate, length):
    model = default_config(files(40, seconds, rate))[0].model
    assert model.rate == min(rate, 48_000)
    assert length <= model.length / model.rate < length + 0.05
    assert model.length % (model.transform.hop * model.network.fold) == 0
    assert 0.008 < model.transform.hop / model.rate < 0.018


def test_the_commonest_rate_wins_and_the_higher_of_equally_common_ones():
    assert default_config(files(3, rate=22_050) + files(5, rate=44_100))[0].model.rate == 44_100
    assert default_config(files(5, rate=22_050) + files(5, rate=48_000))[0].model.rate == 48_000


def test_one_stereo_sound_makes_the_model_stereo():
    assert default_config(files(9))[0].model.channels == 1
    assert default_config(files(9) + files(1, channels=2))[0].model.channels == 2


def test_a_single_odd_file_is_enough():
    config, _ = default_config(files(1, seconds=0.006, rate=500))
    with on_meta_device():
        assert 1e6 < parameters(build(config.model)) < 1e8


def test_a_base_gives_its_network_and_a_shorter_gentler_training():
    fresh, tuned = default_config(files(300))[0], default_config(files(300), DEBUG_CONFIG, "debug")[0]
    assert tuned.base == "debug"
    assert tuned.model == DEBUG_CONFIG.model_copy(update={"labels": (), "augments": 0})
    assert tuned.training.examples < fresh.training.examples
    assert tuned.training.learning_rate < fresh.training.learning_rate
    assert default_config(files(1), DEBUG_CONFIG, "debug")[0].training.examples >= 1000


def test_a_base_of_another_tool_goes_on_at_the_noise_levels_it_was_trained_at():
    for name, levels in {"dance-diffusion": "crash", "tiny-audio-diffusion": "uniform_angle"}.items():
        base = load_config(name).model
        assert default_config(files(30), base, "theirs")[0].objective.noise_levels.kind == levels
    assert default_config(files(30), DEBUG_CONFIG, "debug")[0].objective.noise_levels.kind == "log_normal"


def test_a_number_of_examples_that_was_requested_is_taken_and_said():
    config, reasons = default_config(files(30), examples=600)
    assert config.training.examples == 600
    assert config.training.warmup <= 150
    assert "600 examples: about 20 looks" in reasons[-1]


def test_labels_of_the_base_that_fall_away_are_named():
    reasons = default_config(files(30), DEBUG_CONFIG, "debug")[1]
    named = [reason for reason in reasons if "dropped" in reason]
    assert len(named) == 1
    assert all(label in named[0] for label in DEBUG_CONFIG.labels)


def test_network_transform_batch_and_learning_rate_are_said():
    config, reasons = default_config(files(30), batch=3, learning_rate=0.002)
    said = " ".join(reasons)
    assert config.model.network.kind in said
    assert config.model.transform.kind in said
    assert f"3 x {config.training.accumulate} sounds" in said
    assert "learning rate 0.002" in said
    assert (config.training.batch, config.training.learning_rate) == (3, 0.002)
    assert "learning rate 0.0001" in " ".join(default_config(files(30), DEBUG_CONFIG, "debug")[1])


def test_training_values_that_make_no_sense_are_one_sentence():
    for wrong in ({"examples": 0}, {"examples": -5}, {"batch": 0}, {"colour": "red"}):
        with pytest.raises(RequestError, match=next(iter(wrong))):
            default_config(files(30), **wrong)


def test_a_base_of_another_family_keeps_its_family(config):
    tuned, reasons = default_config(files(30), config().model, "mine")
    assert (tuned.model, tuned.objective) == (config().model, config().objective)
    assert any("toy" in reason for reason in reasons)
