import json
import math

import pytest

from wavesmith.training import curves
from wavesmith.training.curves import draw_curves


@pytest.fixture
def log(tmp_path):
    lines = [
        {"examples": n, "train/loss": 1.0, "train/critic": 2.0, "examples_per_second": 5.0} for n in (36, 76)
    ]
    for examples, loss in ((40, 2.0), (80, 1.0)):
        lines.append(
            {"examples": examples, "held_out/ema_0.05": loss, "held_out/ema_0.1": loss}
            | {f"held_out/ema_0.05/sigma_{sigma}": loss * float(sigma) for sigma in ("0.1", "1", "10")}
            | {"held_out/ema_0.1/sigma_1": math.nan}
        )
    lines.append({"examples": 80, "demo/distance": 7.0, "demo/distance_of_training_sounds": 0.5})
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def drawn(log, monkeypatch):
    pictures = []
    monkeypatch.setattr(curves, "panels", lambda panels, path, across: pictures.append((panels, across)))
    draw_curves(log, log.with_suffix(".png"))
    return pictures


def test_every_number_stands_over_its_examples(log, monkeypatch):
    ((losses, levels, demos), across) = drawn(log, monkeypatch)[0]
    assert across == "examples"
    assert dict(losses.lines) == {
        "training": [(36, 1.0), (76, 1.0)],
        "training, critic": [(36, 2.0), (76, 2.0)],
        "held out, ema 0.05": [(40, 2.0), (80, 1.0)],
        "held out, ema 0.1": [(40, 2.0), (80, 1.0)],
    }
    assert dict(levels.lines) == {f"sigma {s}": [(40, 1.0), (80, 0.5)] for s in ("0.1", "1", "10")}
    assert dict(demos.lines) == {"demos": [(80, 7.0)], "training sounds": [(80, 0.5)]}


def test_an_empty_log_or_one_of_version_0_1_draws_nothing(tmp_path, monkeypatch):
    assert drawn(tmp_path / "none.jsonl", monkeypatch) == []
    for text in ("", '{"step": 9, "loss": 1.0}\n'):
        (tmp_path / "log.jsonl").write_text(text)
        assert drawn(tmp_path / "log.jsonl", monkeypatch) == []


def test_the_picture_is_a_png(log):
    draw_curves(log, log.with_suffix(".png"))
    assert log.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
