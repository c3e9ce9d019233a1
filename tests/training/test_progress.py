import json

from wavesmith.training.progress import Log, read_log


def test_the_log_is_one_object_a_line_and_reaches_other_loggers(tmp_path):
    class Other:
        def log_metrics(self, metrics, step=None):
            logged.append((metrics, step))

    logged = []
    log = Log(tmp_path / "log.jsonl", [Other()])
    log.write({"train/loss": 0.5}, 9)
    log.write({"held_out/ema_0.05": 0.4}, 10)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"examples": 9, "train/loss": 0.5}, {"examples": 10, "held_out/ema_0.05": 0.4}]
    assert logged == [({"train/loss": 0.5}, 9), ({"held_out/ema_0.05": 0.4}, 10)]


def test_what_a_killed_run_logged_after_its_checkpoint_is_dropped(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.forget_after(0)
    for examples in (4, 8, 12):
        log.write({"train/loss": 0.5}, examples)
    with log.path.open("a") as file:
        file.write('{"examples": 4, "lo')
    log.forget_after(8)
    assert [line["examples"] for line in read_log(log.path)] == [4, 8]
    assert log.path.read_text().count("\n") == 2
