import json

from wavesmith.training.callbacks import Every, JsonLines


def test_every_says_when_a_multiple_is_passed():
    every = Every(10)
    assert [count for count in range(3, 60, 3) if every.passed(count)] == [12, 21, 30, 42, 51]


def test_every_counts_a_long_stride_once():
    every = Every(10)
    assert [every.passed(count) for count in (35, 39, 70)] == [True, False, True]


def test_the_log_is_one_object_a_line(tmp_path):
    log = JsonLines(tmp_path / "log.jsonl")
    log.log_metrics({"loss": 0.5, "epoch": 0}, step=9)
    log.log_metrics({"held_out/ema_0.05": 0.4}, step=10)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == [{"step": 9, "loss": 0.5}, {"step": 10, "held_out/ema_0.05": 0.4}]


def test_what_a_killed_run_logged_after_its_checkpoint_is_dropped(tmp_path):
    log = JsonLines(tmp_path / "log.jsonl")
    log.forget_after(0)
    for step in range(4):
        log.log_metrics({"loss": 0.5}, step=step)
        log.log_metrics({"held_out/ema_0.05": 0.4}, step=step + 1)
    with log.path.open("a") as file:
        file.write('{"step": 1, "lo')
    log.forget_after(2)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [(line["step"], "loss" in line) for line in lines] == [
        (0, True),
        (1, False),
        (1, True),
        (2, False),
    ]
