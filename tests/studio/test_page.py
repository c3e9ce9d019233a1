"""The studio's page in a real browser: what a producer does there, by mouse and by keyboard.

Skipped where there is no Playwright or no Chromium. All of it runs on the tiny `debug` model, against one
server with a library of its own. Every test also fails if the page asks for anything but its own server, or
if one of its scripts fails.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from wavesmith.sound import Sound

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("fastapi", reason="the extra 'studio' is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium; on Debian: apt install chromium"
)

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
RATE = 8000
MADE = 120_000  # milliseconds within which sounds have to be there, on however busy a machine

Page = Any
expect: Any = playwright.expect
expect.set_options(timeout=MADE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio with an empty library."""
    library = tmp_path_factory.mktemp("studio") / "library"
    command = [
        sys.executable,
        "-m",
        "wavesmith",
        "studio",
        "--port",
        "0",
        "--no-open",
        "--library",
        str(library),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        told = process.stdout.readline()
        found = re.search(r"http://localhost:\d+/", told)
        assert found, told + process.stdout.read()
        yield found[0]
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, server: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with the debug model; visits of a test share what the browser remembers."""
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(MADE)
    wrong: list[str] = []
    context.on("request", lambda asked: outside(asked.url, server) and wrong.append(asked.url))
    context.add_init_script(
        "if (self === top && !localStorage['wavesmith.model']) localStorage['wavesmith.model'] = '\"debug\"'"
    )

    def go(room: str = "play", size: dict[str, int] = DESKTOP, **media: str) -> Page:
        page = context.new_page()
        page.set_viewport_size(size)
        page.emulate_media(**media)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{server}#{room}")
        page.wait_for_selector("body.ready")
        return page

    yield go
    context.close()
    assert not wrong


def outside(url: str, server: str) -> bool:
    return not url.startswith((server, "blob:" + server, "data:"))


def make(page: Page, count: int) -> None:
    page.fill("#count", str(count))
    page.click("#make")


def ready(page: Page, count: int) -> None:
    """Wait for so many pads that can be played without delay."""
    expect(page.locator(".pad.ready")).to_have_count(count)
    expect(page.locator(".pad.waiting")).to_have_count(0)


def loudest(page: Page) -> int:
    """The highest level that the meter shows within a second."""
    return int(
        page.evaluate(
            """async () => {
              let most = 0;
              for (let look = 0; look < 20; look += 1) {
                most = Math.max(most, Number(document.querySelector('#meter').getAttribute('aria-valuenow')));
                await new Promise((later) => setTimeout(later, 50));
              }
              return most;
            }"""
        )
    )


def record(page: Page, place: int) -> Any:
    sound = page.locator(".pad").nth(place).get_attribute("data-sound")
    return page.evaluate("(id) => fetch(`/api/sounds/${id}`).then((answer) => answer.json())", sound)


def heard(page: Page, sound: str) -> Any:
    """The samples `[channels, frames]` of a sound."""
    return samples(page.request.get(f"{page.url.split('#')[0]}api/sounds/{sound}/audio").body())


def samples(wave: bytes) -> Any:
    return soundfile.read(io.BytesIO(wave), always_2d=True)[0].T


@pytest.fixture
def hit(tmp_path: Path) -> Path:
    """A file of somebody's own: noise that dies away."""
    time = np.arange(RATE // 2) / RATE
    noise = np.random.default_rng(1).normal(size=(1, len(time))) * np.exp(-8 * time) * 0.2
    path = tmp_path / "my snare.wav"
    Sound(noise.astype(np.float32), RATE).write(path)
    return path


def bring(page: Page, path: Path, verb: str = "vary") -> None:
    page.locator(f"#maker [name=verb][value={verb}]").check(force=True)
    page.set_input_files("#maker .well input[type=file]", path)
    expect(page.locator("#maker .well.full")).to_be_visible()


def saved(page: Page, press: str) -> Path:
    with page.expect_download() as waiting:
        page.click(press)
    path: Path = waiting.value.path()
    return path


def test_pads_fill_one_by_one_and_play_at_a_key(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 3)
    ready(page, 3)
    assert heard(page, record(page, 0)["id"]).any()
    assert loudest(page) == 0
    page.keyboard.press("2")
    assert loudest(page) > 20
    expect(page.locator(".bench-name")).to_have_value(record(page, 1)["name"])
    assert page.locator(".pad").nth(2).locator(".mel").evaluate("(mel) => mel.naturalWidth") > 100
    assert page.locator(".pad").nth(2).locator(".wave path").get_attribute("d")


def test_what_is_asked_for_is_what_is_made(visit: Callable[..., Page]) -> None:
    page = visit()
    page.locator("#maker [name=label][value=snare]").check(force=True)
    page.fill("#seed", "77")
    page.locator("#maker summary", has_text="Advanced").click()
    page.get_by_label("Steps").fill("3")
    make(page, 1)
    ready(page, 1)
    made = record(page, 0)
    assert (made["label"], made["seed"], made["model"]) == ("snare", 77, "debug")
    page.get_by_role("button", name="Recipe").click()
    expect(page.locator("#dialog pre").nth(0)).to_contain_text("--label snare --seed 77")
    expect(page.locator("#dialog pre").nth(1)).to_contain_text("import wavesmith")
    expect(page.locator("#dialog pre").nth(2)).to_contain_text('"steps": 3')


def test_a_locked_seed_stays_and_a_free_one_moves_on(visit: Callable[..., Page]) -> None:
    page = visit()
    page.fill("#seed", "5")
    page.click("#lock")
    make(page, 1)
    ready(page, 1)
    make(page, 1)
    ready(page, 2)
    page.click("#lock")
    make(page, 1)
    ready(page, 3)
    seeds = [record(page, place)["seed"] for place in range(3)]
    assert seeds[:2] == [5, 5]
    assert seeds[2] != 5


def test_a_mix_of_labels(visit: Callable[..., Page]) -> None:
    page = visit()
    page.click("#mix")
    page.locator(".mixer [data-label=snare] input").fill("0.5")
    make(page, 1)
    ready(page, 1)
    assert record(page, 0)["label"] == "kick=1,snare=0.5"


def test_an_upload_is_varied_compared_and_gone_back_to(visit: Callable[..., Page], hit: Path) -> None:
    page = visit()
    bring(page, hit)
    make(page, 2)
    ready(page, 3)
    source, varied = record(page, 0), record(page, 1)
    assert source["source"]
    assert varied["sources"] == [source["id"]]
    page.locator(".pad-face").nth(1).click()
    page.click("#ab")
    expect(page.locator("#ab")).to_have_attribute("data-hears", "b")
    assert loudest(page) > 20
    page.get_by_role("button", name="Back to source").click()
    ready(page, 2)
    expect(page.locator(".bench-name")).to_have_value(source["name"])
    page.click("#undo")
    ready(page, 3)
    assert record(page, 1)["id"] == varied["id"]


def test_more_like_this_needs_one_press(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 1)
    ready(page, 1)
    page.get_by_role("button", name="More like this").click()
    ready(page, 9)
    assert {record(page, place)["verb"] for place in range(1, 9)} == {"vary"}


def test_a_part_marked_on_the_waveform_is_made_anew(visit: Callable[..., Page], hit: Path) -> None:
    page = visit()
    bring(page, hit, "inpaint")
    wave = page.locator("#maker .markable").bounding_box()
    page.mouse.move(wave["x"] + wave["width"] * 0.4, wave["y"] + 20)
    page.mouse.down()
    page.mouse.move(wave["x"] + wave["width"] * 0.6, wave["y"] + 20, steps=4)
    page.mouse.up()
    begins, ends = (float(page.get_by_label(f"Part {word} at").input_value()) for word in ("begins", "ends"))
    assert (begins, ends) == (pytest.approx(0.2, abs=0.01), pytest.approx(0.3, abs=0.01))
    make(page, 1)
    ready(page, 2)
    before, after = (heard(page, record(page, place)["id"]) for place in (0, 1))
    first, last = round(begins * RATE), round(ends * RATE)
    changed = np.abs(after - before).max(axis=0) > 1e-4
    assert changed[first:last].mean() > 0.5
    assert not changed[:first].any()
    assert not changed[last:].any()


def test_a_kit_is_a_zip_that_samplers_read(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 2)
    ready(page, 2)
    with zipfile.ZipFile(saved(page, "#save-kit")) as kit:
        names = kit.namelist()
        waves = [name for name in names if name.endswith(".wav")]
        assert any(name.endswith(".sfz") for name in names)
        assert len(waves) >= 2
        assert samples(kit.read(waves[0])).any()
    with zipfile.ZipFile(saved(page, "#save-zip")) as plain:
        assert len([name for name in plain.namelist() if name.endswith(".wav")]) == 2


def test_the_sequencer_plays_and_saves_a_bar(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 2)
    ready(page, 2)
    page.fill("#tempo", "120")
    step = page.locator(".step").nth(5)
    step.click()
    expect(step).to_have_attribute("aria-pressed", "true")
    step.press("ArrowUp")
    expect(step).to_have_attribute("aria-label", re.compile("velocity 90"))
    page.click("#transport")
    expect(page.locator(".step.now").first).to_be_visible()
    assert loudest(page) > 20
    page.click("#transport")
    expect(page.locator(".step.now")).to_have_count(0)
    bar = samples(saved(page, "#bar-wav").read_bytes())
    assert bar.shape[1] >= 2.0 * RATE  # four beats at 120
    assert bar.any()
    assert saved(page, "#bar-midi").read_bytes().startswith(b"MThd")


def test_each_hit_of_a_track_can_be_a_fresh_variation(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 1)
    ready(page, 1)
    page.locator(".track").first.get_by_role("button", name="Each hit a fresh variation").click()
    hits = page.locator(".track").first.locator(".step[aria-pressed=true]").count()
    expect(page.locator(".track").first).to_have_attribute("data-takes", str(hits))
    assert hits > 1


def test_a_reloaded_page_goes_on_with_its_job(visit: Callable[..., Page]) -> None:
    page = visit()
    page.locator("#maker summary", has_text="Advanced").click()
    page.get_by_label("Steps").fill("64")
    make(page, 16)
    expect(page.locator(".pad.waiting").first).to_be_visible()
    page.reload()
    ready(page, 16)
    assert len({record(page, place)["id"] for place in range(16)}) == 16
    page.reload()
    ready(page, 16)


def test_a_file_that_is_no_sound_is_refused_in_one_sentence(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    page = visit()
    path = tmp_path / "notes.wav"
    path.write_text("these are words")
    page.locator("#maker [name=verb][value=vary]").check(force=True)
    page.set_input_files("#maker .well input[type=file]", path)
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    assert alert.inner_text().count(".") >= 1
    expect(page.locator("#maker .well.full")).to_have_count(0)


def test_discarded_sounds_come_back_from_the_trash(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 1)
    ready(page, 1)
    page.locator(".bench-name").fill("thunder")
    page.locator(".bench-name").press("Enter")
    expect(page.locator(".pad-name").first).to_have_text("thunder")
    page.get_by_role("toolbar").get_by_role("button", name="Discard").click()
    ready(page, 0)
    page.goto(page.url.split("#")[0] + "#library")
    page.get_by_label("Search").fill("thunder")
    expect(page.locator("#cards .card")).to_have_count(0)
    page.locator("[name=trash]").check(force=True)
    expect(page.locator("#cards .card")).to_have_count(1)
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#cards .card")).to_have_count(0)
    page.locator("[name=trash]").uncheck(force=True)
    expect(page.locator("#cards .card")).to_have_count(1)
    page.get_by_role("button", name="Sounds like this").click()
    page.get_by_label("Search").fill("")
    expect(page.locator("#cards .card").first.locator(".card-name")).to_have_text("thunder")


def test_everything_can_be_done_by_keyboard(visit: Callable[..., Page]) -> None:
    page = visit()
    page.fill("#count", "2")
    page.locator(".brand").click()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "make":
            break
    page.keyboard.press("Enter")
    ready(page, 2)
    page.keyboard.press("2")
    page.keyboard.press("k")
    expect(page.locator(".pad.kept")).to_have_count(1)
    page.keyboard.press("f")
    expect(page.locator(".pad.favourite")).to_have_count(1)
    page.keyboard.press("Delete")
    ready(page, 1)
    page.keyboard.press("Control+z")
    ready(page, 2)
    page.keyboard.press("g")
    ready(page, 4)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_training_from_a_folder_to_a_demo(visit: Callable[..., Page], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for label in ("kick", "snare"):
        for number in range(4):
            fading = generator.normal(size=(1, 2000)) * np.exp(-np.arange(2000) / 400) * 0.2
            (tmp_path / "sounds" / label).mkdir(parents=True, exist_ok=True)
            Sound(fading.astype(np.float32), RATE).write(tmp_path / "sounds" / label / f"{number}.wav")
    page = visit("train")
    page.get_by_label("Folder").fill(str(tmp_path / "nowhere"))
    page.click("#scan")
    expect(page.locator("#scan-report .problem")).to_be_visible()
    page.get_by_label("Folder").fill(str(tmp_path / "sounds"))
    page.click("#scan")
    expect(page.locator("#scan-report")).to_contain_text("8 usable sounds")
    page.get_by_label("Name of the model").fill("tiny")
    page.get_by_label("Examples").fill("16")
    page.click("#train-start")
    expect(page.locator("#training .state")).to_have_text("training")
    page.reload()
    expect(page.locator("#training .state")).to_have_text("done", timeout=4 * MADE)
    expect(page.locator(".demo audio").first).to_be_visible()
    assert page.locator(".demo img").first.evaluate(
        "(picture) => picture.decode().then(() => picture.naturalWidth)"
    )
    assert page.locator(".chart polyline.held").get_attribute("points")
    page.click(".tabs [href='#models']")
    page.locator("[data-model=tiny]").get_by_role("button", name="Load").click()
    expect(page.locator("#model")).to_have_value("tiny")


def test_a_model_is_evaluated_and_its_report_read(visit: Callable[..., Page], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for label in ("kick", "snare"):
        for number in range(24):
            fading = generator.normal(size=(1, 2000)) * np.exp(-np.arange(2000) / 400) * 0.2
            (tmp_path / label).mkdir(exist_ok=True)
            Sound(fading.astype(np.float32), RATE).write(tmp_path / label / f"{number}.wav")
    page = visit("models")
    page.locator("[data-model=debug]").get_by_role("button", name="Evaluation").press("Enter")
    page.get_by_label("Folder of real sounds").fill(str(tmp_path / "nowhere"))
    page.get_by_label("Sounds to make").fill("20")
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("There is no folder")
    page.get_by_label("Folder of real sounds").fill(str(tmp_path))
    page.keyboard.press("Enter")
    expect(page.locator("#report .state")).to_have_text("evaluating")
    page.reload()
    page.locator("[data-model=debug]").get_by_role("button", name="Evaluation").press("Enter")
    expect(page.locator("#report .state")).to_have_text("done", timeout=4 * MADE)
    report = page.frame_locator("#report iframe")
    expect(report.get_by_role("heading", level=1)).to_have_text("Evaluation of debug")
    sound = report.locator(".play").first
    assert sound.evaluate("(button) => { button.click(); return button.classList.contains('on'); }")
    assert sound.evaluate("(button) => new Audio(button.dataset.sound).play().then(() => true)")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_words_can_be_read(visit: Callable[..., Page], scheme: str) -> None:
    """WCAG AA: 4.5 to 1 for every word that stands on a plain colour."""
    page = visit(color_scheme=scheme)
    make(page, 1)
    ready(page, 1)
    for room in ("play", "library", "train", "models"):
        page.click(f".tabs [href='#{room}']")
        assert page.evaluate(FAINT) == []


@pytest.mark.parametrize("room", ["play", "library", "train", "models"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Callable[..., Page], room: str) -> None:
    page = visit(room, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_every_control_has_a_name(visit: Callable[..., Page]) -> None:
    page = visit()
    make(page, 1)
    ready(page, 1)
    for room in ("play", "library", "train", "models"):
        page.click(f".tabs [href='#{room}']")
        assert page.evaluate(NAMELESS) == []


NAMELESS = """() => [...document.querySelectorAll('button, input, select, a, audio, iframe')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !one.ariaLabel && !one.title && !one.innerText?.trim())
  .filter((one) => !one.labels?.[0]?.innerText.trim())
  .map((one) => one.outerHTML)"""

FAINT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const solid = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const faint = [];
  for (const one of document.querySelectorAll('body *')) {
    const told = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!told || !one.offsetParent || one.closest(':disabled, .hidden, option, .notices')) continue;
    const below = [];
    for (let up = one; up; up = up.parentElement) below.unshift(getComputedStyle(up).backgroundColor);
    const [front, back] = [solid([...below, getComputedStyle(one).color]), solid(below)].map(light);
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const words = one.textContent.trim().slice(0, 30);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${one.tagName} ${one.className} ${words}`);
  }
  return faint;
}"""
