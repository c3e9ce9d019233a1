"""Take the pictures of docs/studio.md: the page with a kit of the bundled model, on a desk and on a phone.

python benchmarks/studio_pictures.py --out docs/images

Needs Chromium and `pip install playwright`. The studio that it opens has a library of its own, gone after it.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect, sync_playwright

KIT = {"kick": 5, "snare": 5, "hihat": 5, "percussion": 5}
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WAIT = 300_000  # milliseconds for the sounds to be made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default="drums")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    expect.set_options(timeout=WAIT)
    with studio() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=DESKTOP, color_scheme="dark")
        page.set_default_timeout(WAIT)
        page.goto(address)
        page.wait_for_selector("body.ready")
        page.select_option("#model", options.model)
        make_kit(page, options.seed)
        page.click("#transport")
        page.wait_for_timeout(1200)
        take(page, options.out / "studio-desktop.png")
        page.click("#transport")
        page.set_viewport_size(PHONE)
        page.locator("#maker details").first.evaluate("(fold) => { fold.open = false; }")
        page.wait_for_timeout(300)
        take(page, options.out / "studio-phone.png")
        browser.close()


@contextmanager
def studio() -> Iterator[str]:
    """The address of a studio with an empty library."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "wavesmith", "studio", "--port", "0", "--no-open"]
        process = subprocess.Popen(
            [*command, "--library", f"{folder}/library"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        found = re.search(r"http://localhost:\d+/", process.stdout.readline())
        assert found
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(120)


def make_kit(page: Any, seed: int) -> None:
    """Fill the pads, mark a snare, and ask for what comes next to be brighter where the model can."""
    page.fill("#seed", str(seed))
    page.click("#lock")
    for made, (label, count) in enumerate(KIT.items(), start=1):
        page.locator(f"#maker [name=label][value={label}]").check(force=True)
        page.fill("#count", str(count))
        page.click("#make")
        expect(page.locator(".pad.ready")).to_have_count(made * count)
    for name, percentile in (("brightness", "78"), ("duration", "30"), ("attack", "20")):
        slider = page.locator(f"[data-timbre={name}] input")
        if slider.count():
            slider.fill(percentile)
    page.locator(".pad-face").nth(6).click()
    page.keyboard.press("f")
    page.keyboard.press("k")


def take(page: Any, path: Path) -> None:
    """Write the page as a small PNG: in full colour, since a palette tints the large dark areas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
