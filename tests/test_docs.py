"""The documentation keeps its word: commands and snippets run, links lead somewhere, sentences are real.

Every bash and python block of README.md and docs/*.md is executed, page by page and in order, in a folder
that holds `my-sounds/` (a small labelled data set), `kick.wav` and `snare.wav`. Python blocks of a page share
their names. A yaml or jsonl block below `<!-- file: NAME -->` is written to that file first. What commands
print is in text blocks.

What is changed on the way, so that the suite stays quick:

- `wavesmith train` and Python's `examples=` train on a thousandth of the examples given, 16 if none are:
  hours become seconds, while everything else (scan, held-out loss, demos, checkpoints, card) still happens.
- `wavesmith evaluate -n` makes 20 sounds in one step each.
- The README's marked installation lines are only checked for the files they name, as `.ci/run` runs them;
  what they do with the installed `wavesmith` is run.
- Blocks below `<!-- not run: needs ... -->` are skipped, for the reasons in `SKIPPED` alone.
- Without the bundled model a tiny random one called `drums` lies in the folder in its place.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from pydantic import BaseModel

from wavesmith.cli import summaries
from wavesmith.cli.main import run
from wavesmith.cli.tables import summaries_text, with_tables
from wavesmith.data import Augmentation
from wavesmith.diffusion import SAMPLERS, SCHEDULES
from wavesmith.families.diffusion import DiffusionConfig, DiffusionObjective, SamplingDefaults
from wavesmith.models import bundled_names, load, save_folder, write_timbres
from wavesmith.networks import NETWORKS, FrameUNetConfig, TransformerConfig
from wavesmith.sound import Sound
from wavesmith.training import DataConfig, RunConfig, TrainingConfig
from wavesmith.transforms import TRANSFORMS, LearnedConfig, PatchConfig, SpectralConfig
from wavesmith.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SKIPPED = ("a GPU", "a login", "the network", "a fresh machine")
FENCE = re.compile(r"(?:<!-- (?P<mark>.+) -->\n)?^```(?P<language>.*)\n(?P<code>(?:.*\n)*?)```$", re.M)
LANGUAGES = {"bash", "python", "text", "toml", "yaml", "jsonl"}
EXAMPLES = 16
EVALUATED = 20

WAVESMITH = f"""#!{sys.executable} -IS
import json, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect("{{address}}")
    server.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    code, out, err = json.load(server.makefile())
sys.stdout.write(out), sys.stderr.write(err)
sys.exit(code)
"""


class Block(NamedTuple):
    """A fenced block: its mark (the comment right above), language, code and the line where it starts."""

    mark: str
    language: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            fence["mark"] or "", fence["language"], fence["code"], 1 + text[: fence.start("code")].count("\n")
        )
        for fence in FENCE.finditer(text)
    ]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# --- what is run -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has: some sounds, and wavesmith with its model."""
    folder = tmp_path_factory.mktemp("things")
    for label, frequency, noise in (("hihat", 8000.0, 0.9), ("kick", 55.0, 0.0), ("snare", 190.0, 0.5)):
        for k in range(8):
            drum(frequency * (1 + k / 40), noise, seed=k).write(
                folder / "my-sounds" / label / f"{'abcdefgh'[k]}.wav"
            )
    drum(50.0, 0.0, seed=9).write(folder / "kick.wav")
    drum(200.0, 0.5, seed=9).write(folder / "snare.wav")
    if "drums" not in bundled_names():
        save_folder(folder / "drums", load("debug").family, "# drums\n\nA stand-in.\n")
        write_timbres(folder / "drums", folder / "my-sounds")
    return folder


def drum(frequency: float, noise: float, seed: int) -> Sound:
    """A tenth of a second that dies away."""
    time = np.arange(4410) / 44100
    wave = (1 - noise) * np.sin(2 * np.pi * frequency * time)
    wave += noise * np.random.default_rng(seed).normal(size=len(time)) / 3
    return Sound((0.8 * wave * np.exp(-time / 0.02))[None], 44100)


@pytest.fixture
def desk(things: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh folder with those things, current; what pages register or set is forgotten afterwards."""
    shutil.copytree(things, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    threads = torch.get_num_threads()
    registries = (SAMPLERS, SCHEDULES, TRANSFORMS, NETWORKS)
    before = [set(registry) for registry in registries]
    yield tmp_path / "desk"
    for registry, names in zip(registries, before, strict=True):
        for name in set(registry) - names:
            registry.unregister(name)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def counter() -> Iterator[socket.socket]:
    """Where the command `wavesmith`, on the path of bash blocks, hands its arguments in.

    The commands are done here, in the process of the tests: one that starts anew for each spends most of its
    time importing torch.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        address = f"{folder}/counter"  # a short path: sockets allow about a hundred letters
        server.bind(address)
        server.listen()
        server.settimeout(0.05)
        command = Path(folder, "wavesmith")
        command.write_text(WAVESMITH.format(address=address), encoding="utf-8")
        command.chmod(0o755)
        yield server


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_of_the_page_runs(page: Path, desk: Path, counter: socket.socket) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        place = f"{name(page)}, line {block.line}"
        if block.mark.startswith("not run:"):
            assert block.mark.removeprefix("not run: needs ") in SKIPPED, f"{place}: {block.mark}"
        elif block.mark.startswith("file:"):
            (desk / block.mark.removeprefix("file: ")).write_text(block.code, encoding="utf-8")
        elif block.language == "bash":
            code = installed(block.code) if block.mark.startswith("command:") else block.code
            status, told = run_bash(code, counter)
            assert status == 0, f"{place}:\n{code}\n{told}"
        elif block.language == "python":
            code = re.sub(r"\bexamples=([\d_]+)", lambda given: f"examples={fewer(given[1])}", block.code)
            exec(compile("\n" * (block.line - 1) + code, str(page), "exec"), names)


def run_bash(code: str, counter: socket.socket) -> tuple[int, str]:
    """Exit status of a bash script, and all that it and its commands said."""
    path = f"{Path(counter.getsockname()).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile("w+") as said:
        bash = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", code],
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        while bash.poll() is None:
            with contextlib.suppress(TimeoutError), counter.accept()[0] as customer:
                customer.settimeout(None)
                serve(customer)
        said.seek(0)
        return bash.returncode, said.read()


def serve(customer: socket.socket) -> None:
    """Do one `wavesmith` command here and send back its exit code and output."""
    arguments = json.loads(customer.makefile().readline())
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(shortened(arguments))
    customer.sendall(json.dumps([code, out.getvalue(), err.getvalue()]).encode())


def shortened(arguments: list[str]) -> list[str]:
    """A command line, training and evaluating briefly."""
    if arguments[:1] == ["evaluate"] and "-n" in arguments:
        at = arguments.index("-n") + 1
        return [*arguments[:at], str(EVALUATED), *arguments[at + 1 :], "--steps", "1"]
    if arguments[:1] != ["train"]:
        return arguments
    if "--examples" not in arguments:
        return [*arguments, "--examples", str(EXAMPLES)]
    at = arguments.index("--examples") + 1
    return [*arguments[:at], str(fewer(arguments[at])), *arguments[at + 1 :]]


def fewer(examples: str) -> int:
    return max(EXAMPLES, int(examples) // 1000)


def installed(code: str) -> str:
    """What a marked one-liner does once wavesmith is installed."""
    commands = [part.strip() for part in code.strip().split(" && ")]
    return "\n".join(c.removeprefix(".venv/bin/") for c in commands if c.startswith(".venv/bin/wavesmith "))


# --- what is looked at -------------------------------------------------------------------------------------


def test_the_pages_have_commands_and_snippets_and_nothing_unknown() -> None:
    found = {name(page): blocks(page) for page in PAGES}
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("```") == 2 * len(found[name(page)]), page
        assert {block.language for block in found[name(page)]} <= LANGUAGES, page
    run = [b for page in found.values() for b in page if not b.mark.startswith("not run:")]
    assert sum(block.language == "bash" for block in run) >= 20
    assert sum(block.language == "python" for block in run) >= 6
    assert {"README.md", "docs/generate.md", "docs/train.md", "docs/python.md"} <= found.keys()


def test_the_installation_lines_name_real_files_and_extras() -> None:
    lines = [b.code for b in blocks(ROOT / "README.md") if b.mark.startswith("command:")]
    assert len(lines) == 2
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for line in lines:
        constraints = re.findall(r"-c (\S+)", line)
        assert constraints
        assert all((ROOT / file).is_file() for file in constraints)
        for extra in re.findall(r"\.\[(\w+)\]", line):
            assert re.search(rf"^{extra} = \[", project, re.M)
    assert installed(lines[0]).startswith("wavesmith generate")
    assert "pytest" in lines[1]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", t)]
    assert targets, "a page that leads nowhere"
    for target in targets:
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if "bundled/drums" in path and "drums" not in bundled_names():
            continue
        assert file.exists(), target
        if anchor:
            assert anchor in {
                slug(heading) for heading in re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            }


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_index_and_the_readme_list_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "README.md":
            assert f"]({page.name})" in index
            assert f"](docs/{page.name})" in readme


def test_troubleshooting_quotes_what_the_package_says() -> None:
    """Each quoted sentence, apart from its gaps (...), stands in the source of the package."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    said = re.sub(r'"\s*\n\s*f?"', "", source).replace('\\"', '"')
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quotes = re.findall(r"^\| `(.+?)` \|", page, re.M)
    assert len(quotes) >= 20
    for quote in quotes:
        for part in quote.split("..."):
            assert part.strip() in said, quote


def test_samplers_and_schedules_are_all_described() -> None:
    page = (ROOT / "docs" / "samplers.md").read_text(encoding="utf-8")
    rows = {row[0]: row for row in re.findall(r"^\| `(\w+)` \|(.*)$", page, re.M)}
    assert rows.keys() >= {*SAMPLERS, *SCHEDULES}
    for key, sampler in SAMPLERS.items():
        assert f"| {sampler.evaluations} |" in rows[key][1], key
        assert ("| fresh |" in rows[key][1]) == sampler.stochastic, key


def test_every_field_of_a_training_configuration_is_explained() -> None:
    page = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    parts = (SpectralConfig, PatchConfig, LearnedConfig, FrameUNetConfig, TransformerConfig)
    for model in (DiffusionConfig, RunConfig, SamplingDefaults, *parts):
        for field in model.model_fields:
            assert f"`{field}`" in page, f"{model.__name__}.{field}"


def test_tables_of_settings_are_those_of_the_verbs() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert with_tables(text) == text, f"{name(page)}: run python -m wavesmith.cli.tables"
    assert set(re.findall(r"<!-- settings of (\w+) -->", "".join(map(Path.read_text, PAGES)))) == {*VERBS}
    assert Path(summaries.__file__).read_text(encoding="utf-8") == summaries_text()


@pytest.mark.parametrize(
    "model", [TrainingConfig, DataConfig, DiffusionObjective, Augmentation], ids=lambda model: model.__name__
)
def test_tables_of_fields_are_current(model: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    table = field_table(model)
    assert table in page, f"docs/train.md should have\n{table}"


def field_table(model: type[BaseModel]) -> str:
    """The fields of a model with their defaults and descriptions."""
    rows = [
        f"| `{name}` | {default_text(field.default)} | {field.description} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *rows])


def default_text(value: object) -> str:
    if isinstance(value, Augmentation):
        return "below"
    if isinstance(value, BaseModel):
        return f"`{{{', '.join(f'{key}: {part}' for key, part in value)}}}`"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "none"}[value]
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    )
