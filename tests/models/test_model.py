from wavesmith.models import load


def test_a_model_tells_what_it_makes():
    model = load("debug")
    assert (model.rate, model.channels, model.seconds) == (8000, 2, 0.256)
    assert model.labels == ("hihat", "kick", "percussion", "snare")
    assert model.device.type == "cpu"
    assert len(model.hash) == 16
