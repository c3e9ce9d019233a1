import json
import math

import pytest

from wavesmith.training import curves
from wavesmith.training.curves import draw_curves


@pytest.fixture
def log(tmp_path):
    lines = [{"step": step, "loss": 1.0, "examples_per_second": 5.0} for step in (9, 19)]
    for step, loss in ((10, 2.0), (20, 1.0)):
        lines.append(
            {"step": step, "held_out/ema_0.05": loss, "held_out/ema_0.1": loss}
            | {f"held_out/ema_0.05/sigma_{sigma}": loss * float(sigma) for sigma in ("0.1", "1", "10")}
            | {"held_out/ema_0.1/sigma_1": math.nan}
        )
    lines.append({"step": 20, "demo/distance": 7.0, "demo/distance_of_training_sounds": 0.5})
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def drawn(log, monkeypatch):
    pictures = []
    monkeypatch.setattr(curves, "panels", lambda panels, path, across: pictures.append((panels, across)))
    draw_curves(log, log.with_suffix(".png"), 4)
    return pictures


def test_every_number_stands_over_its_examples(log, monkeypatch):
    ((losses, levels, demos), across) = drawn(log, monkeypatch)[0]
    assert across == "examples"
    assert dict(losses.lines) == {
        "training": [(36, 1.0), (76, 1.0)],
        "held out, ema 0.05": [(40, 2.0), (80, 1.0)],
        "held out, ema 0.1": [(40, 2.0), (80, 1.0)],
    }
    assert dict(levels.lines) == {f"sigma {s}": [(40, 1.0), (80, 0.5)] for s in ("0.1", "1", "10")}
    assert dict(demos.lines) == {"demos": [(80, 7.0)], "training sounds": [(80, 0.5)]}


def test_nothing_is_drawn_of_nothing(tmp_path, monkeypatch):
    assert drawn(tmp_path / "none.jsonl", monkeypatch) == []
    (tmp_path / "log.jsonl").write_text("")
    assert drawn(tmp_path / "log.jsonl", monkeypatch) == []


def test_the_picture_is_a_png(log):
    draw_curves(log, log.with_suffix(".png"), 4)
    assert log.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
