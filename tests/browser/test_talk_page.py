"""The page of `voxbridge talk` in a real Chromium, with a recorded voice as its microphone.

Screenshots go to `build/screenshots`; with `--screenshots`, those of the documents are taken as well.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.screenshots import PICTURES, SIZES, TAKEN_OF, look
from voxbridge.audio.wavfile import write_wav
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.embedded import own_voice

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="the extra [browser] is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra [browser] is not installed")

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SHOTS = Path("build/screenshots")
_WAIT_MS = 60_000
_GRAVE = {"serious", "critical"}
_KEY_STEPS = 12


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `voxbridge talk`, and return the address that it prints."""
    directory = tmp_path_factory.mktemp("talk")
    command = [sys.executable, "-m", "voxbridge", "talk"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=directory, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://\S+token=\S+", line):
                break
        else:
            pytest.fail(f"it ended with {process.wait()}")
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write what the microphone hears: a question; one with a long answer; and another one over that answer."""
    speak = own_voice()
    question, long_one, over = map(speak, ("What is seven times eight?", "Help.", "What is two plus two?"))

    def pause(seconds: float) -> bytes:
        return bytes(int(seconds * question.rate_hz) * 2)

    sound = b"".join((pause(2), question.data, pause(5), long_one.data, pause(3.5), over.data, pause(8)))
    file = tmp_path_factory.mktemp("voice") / "microphone.wav"
    write_wav(file, Pcm(sound, question.rate_hz))
    return file


@pytest.fixture
def page(spoken: Path) -> Iterator[Any]:
    """Open a page in Chromium, whose microphone is the recording."""
    if _CHROMIUM is None:
        pytest.skip("no Chromium: install your distribution's (Debian and Ubuntu: chromium)")
    switches = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    switches += [f"--use-file-for-fake-audio-capture={spoken}%noloop", "--no-sandbox"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=switches)
        made = browser.new_page(viewport={"width": 1440, "height": 900})
        made.set_default_timeout(_WAIT_MS)
        yield made
        browser.close()


def photograph(page: Any, name: str) -> None:
    """Take the page on a phone, a tablet and a desktop, in both themes; nothing may be wider than the screen."""
    _SHOTS.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width, height in ((390, 844), (768, 1024), (1440, 900)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=_SHOTS / f"{name}-{width}-{theme}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"
        broken = [fault for fault in axe.Axe().run(page).response["violations"] if fault["impact"] in _GRAVE]
        assert not broken, [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in broken]
    page.set_viewport_size({"width": 1440, "height": 900})


def take_for_the_documents(page: Any) -> None:
    """Take the pictures in docs/screenshots, and note of which page they are."""
    PICTURES.mkdir(exist_ok=True)
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=PICTURES / f"{name}-{theme}.png")
    TAKEN_OF.write_text(look() + "\n", encoding="utf-8")


def test_a_recorded_voice_is_heard_answered_and_may_interrupt(
    address: str, page: Any, pytestconfig: pytest.Config
) -> None:
    """By keyboard alone: microphone on, heard, answered; a long answer is cut, and what was not played is shown."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: pytest.fail(f"an error in the page: {error}"))
    page.goto(address)
    page.wait_for_selector("#state[data-kind=live]")
    assert "token" not in page.url
    photograph(page, "talk-start")
    for _ in range(_KEY_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "microphone":
            break
    page.keyboard.press("Enter")
    page.locator("#microphone", has_text="Mute").wait_for()
    page.locator(".answer", has_text=re.compile("56|fifty")).first.wait_for()
    page.locator(".answer .unheard").first.wait_for()
    page.locator(".answer", has_text=re.compile(r"\b(4|four)\b")).first.wait_for()
    assert page.locator("#parts tr").count() >= 5
    photograph(page, "talk-turns")
    if pytestconfig.getoption("--screenshots"):
        take_for_the_documents(page)
    outside = [url for url in asked if not re.match(r"(http|ws)://127\.0\.0\.1:", url)]
    assert not outside, f"fetched from outside: {outside}"


def test_without_a_microphone_one_types(address: str, page: Any) -> None:
    """A refused microphone is told in one line, and a typed question is answered."""
    refuse = "() => Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.add_init_script(f"navigator.mediaDevices.getUserMedia = {refuse}")
    page.goto(address)
    page.wait_for_selector("#state[data-kind=live]")
    page.click("#microphone")
    page.locator("#problems", has_text="NotAllowedError").wait_for()
    page.fill("#text", "What is three plus four?")
    page.keyboard.press("Enter")
    page.locator(".answer", has_text=re.compile(r"\b(7|seven)\b")).first.wait_for()
