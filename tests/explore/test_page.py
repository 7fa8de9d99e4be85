"""The page in a browser, with real clicks: cells, digits, DNA and expression; nothing leaves 127.0.0.1."""

from __future__ import annotations

import http.client
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gantk.cli import run_command_line

pytestmark = pytest.mark.long
pytest.importorskip("panel", reason="gantk[explore] is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SMALL = ["train.steps=2", "train.batch=4", "evaluate=[]", "-q"]
RUNS = {
    "cells": ["lin_starshaped", "generator.width=4", "critic.width=4", "data.cells=24", "data.test_cells=8"],
    "digits": ["digits_dcgan", "generator.width=8", "critic.width=8"],
    "dna": ["dna_planted", "generator.width=8", "generator.output=softmax"],
    "expression": ["expression_simulated", "data.samples=400", "data.held_out=100", "data.genes=60"],
}
KINDS = {  # a slider, an ending of its own, what the nearest samples are called
    "cells": ("green direction 1", ".ome.tif"),
    "digits": ("direction 1", ".h5"),
    "dna": ("sequence direction 1", ".fa"),
    "expression": ("cell direction 1", ".h5ad"),
}
AT_ONCE = 1.0  # seconds from a slider's move to the first picture
TIMES = 4  # as much is allowed on a machine with other work
Server = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two steps of each kind."""
    folder = tmp_path_factory.mktemp("explored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, words in RUNS.items():
            assert run_command_line(["run", *words, *SMALL, "--out", name]) == 0
    return folder


@pytest.fixture
def server(runs: Path) -> Iterator[Server]:
    """Starts `gantk explore` in the folder of runs and gives its process and address; all are ended afterwards."""
    started = []

    def start(*words: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gantk", "explore", *words, "--no-open"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=runs,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield opened
        opened.close()


class Tab:
    """A tab with the page, which records what it asks for and what goes wrong."""

    def __init__(self, browser: Any, address: str):
        self.address = address
        context = browser.new_context(viewport={"width": 1500, "height": 1100})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.picture()

    def picture(self) -> str:
        """The sample as it is shown."""
        return self.page.locator(".sample img").get_attribute("src")

    def line(self) -> str:
        """The command line that the page offers."""
        return self.page.get_by_label("The command line that draws this sample again").input_value()

    def change(self, how: Callable[[], None]) -> float:
        """Seconds until the sample looks different after a change."""
        before, start = self.picture(), time.perf_counter()
        how()
        while self.picture() == before:
            assert time.perf_counter() - start < 20, "the picture stays as it was"
            self.page.wait_for_timeout(2)
        took = time.perf_counter() - start
        while (before := self.picture()) and not self.page.wait_for_timeout(300) and self.picture() != before:
            pass  # more of the same change follows: a slider that is pulled sends several
        return took

    def handle(self, title: str) -> Any:
        """The handle of a slider."""
        group = self.page.locator(".bk-input-group").filter(has=self.page.get_by_text(title, exact=False))
        return group.locator(".noUi-handle").first

    def pull(self, title: str, by: float) -> None:
        """Pulls a slider by so many pixels, as a mouse does."""
        box = self.handle(title).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by, y, steps=8)
        self.page.mouse.up()

    def beside(self, kind: str, caption: str) -> None:
        """Chooses what stands beside the sample, and waits for its caption and its picture."""
        self.page.get_by_label("Beside it").select_option(kind)
        self.page.get_by_text(caption).wait_for(timeout=60_000)
        assert self.page.locator(".beside img").bounding_box()["width"] > 160

    def assert_clean(self) -> None:
        """Nothing was asked of anybody else, and nothing went wrong."""
        self.page.wait_for_timeout(300)
        host = self.address.split("/")[2]
        own = (f"http://{host}/", f"ws://{host}/", f"blob:http://{host}/", "data:")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert any(url.startswith("ws://") for url in self.requests)
        assert self.errors == []


@pytest.mark.parametrize("kind", KINDS)
def test_clicked_through(kind: str, runs: Path, server: Server, browser: Any, tmp_path: Path) -> None:
    title, ending = KINDS[kind]
    _, address = server(kind)
    assert address.startswith("http://127.0.0.1:")
    tab = Tab(browser, address)
    page = tab.page
    assert tab.line().startswith(f"gantk sample {kind} --seeds 0 ")
    tab.pull(title, 20)  # the first one may have to warm up
    took = tab.change(lambda: tab.pull(title, 60))
    sys.stderr.write(f"\n{kind}: first picture {took:.2f} s after a slider moves\n")
    assert took < AT_ONCE * TIMES
    assert "--at seed=0," in tab.line()
    tab.change(lambda: page.get_by_role("button", name="Another").first.click())
    page.get_by_role("button", name="Pin as A").click()
    tab.change(lambda: page.get_by_role("button", name="Another").first.click())
    page.get_by_role("button", name="Pin as B").click()
    for choice, words in [
        ("along a direction", "from -3 to 3 standard deviations"),
        ("others around it", "varies by 1"),
        ("from A to B", "on the way from A to B"),
        ("nearest", "from the nearest of"),
    ]:
        tab.beside(choice, words)
    page.get_by_label("Beside it").select_option("nothing")
    tab.change(lambda: page.get_by_role("checkbox").check())
    assert " to seed=" in tab.line() and " at 0.5" in tab.line()
    page.get_by_label("Save as").select_option(ending)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save").click()
    assert saving.value.suggested_filename == f"sample{ending}"
    saved = tmp_path / f"saved{ending}"
    saving.value.save_as(saved)
    page.get_by_role("button", name="Copy").click()
    line = page.evaluate("navigator.clipboard.readText()")
    assert line == tab.line() and line.endswith(f"-o sample{ending}")
    repeated(line, runs, tmp_path)
    assert same(tmp_path / f"sample{ending}", saved)
    tab.assert_clean()


def repeated(line: str, runs: Path, folder: Path) -> None:
    """Types a copied command line where the run lies, and moves its file to a folder."""
    words = shlex.split(line)
    assert words[:2] == ["gantk", "sample"]
    subprocess.run([sys.executable, "-m", *words], cwd=runs, check=True, capture_output=True)
    shutil.move(runs / words[-1], folder)


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same samples."""
    from gantk.api.samples import read_samples

    first, second = read_samples(one), read_samples(other)
    return first.samples.equal(second.samples) and first.names == second.names


def test_the_address_is_a_secret(server: Server) -> None:
    _, address = server("digits")
    _, _, host, token, _ = address.split("/")
    assert len(token) >= 32
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="

    def status(path: str, headers: dict[str, str] | None = None) -> int:
        connection = http.client.HTTPConnection(host, timeout=20)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        connection.close()
        return answer.status

    assert status(f"/{token}/") == 200
    for path in ("/", "/ws", "/static/js/bokeh.min.js", "/autoload.js", "/metadata", "/x/", "/x/ws", "/favicon.ico"):
        assert status(path) in (403, 404), path
    assert status("/ws", upgrade) in (403, 404) and status(f"/{token[:-1]}x/ws", upgrade) in (403, 404)
    foreign = {**upgrade, "Origin": "http://example.org"}
    assert status(f"/{token}/ws", foreign) == 403


def test_two_tabs_are_apart_and_one_that_is_closed_disturbs_nobody(server: Server, browser: Any) -> None:
    process, address = server("digits")
    one, other = Tab(browser, address), Tab(browser, address)
    one.change(lambda: one.page.get_by_role("button", name="Another").first.click())
    assert other.line().startswith("gantk sample digits --seeds 0 ") and one.line() != other.line()
    other.page.context.close()
    one.change(lambda: one.pull("direction 2", 60))
    one.assert_clean()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines() == ["the page is open until Ctrl-C", "the page is closed"]


def test_a_port_in_use_is_said_and_another_page_takes_another(server: Server, runs: Path) -> None:
    _, first = server("digits")
    port = first.split("/")[2].split(":")[1]
    words = [sys.executable, "-m", "gantk", "explore", "digits", "--no-open", "--port", port]
    done = subprocess.run(words, cwd=runs, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert f"port {port} of 127.0.0.1 cannot be had" in done.stderr and "Traceback" not in done.stderr
    _, second = server("digits")
    assert second.startswith("http://127.0.0.1:") and second.split("/")[2] != first.split("/")[2]


def test_what_is_typed_wrongly_is_said_on_the_page(server: Server, browser: Any) -> None:
    _, address = server("dna")
    tab = Tab(browser, address)
    tab.page.get_by_label("Numbers of the latent").fill("9999")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_text("there is no dimension 9999").wait_for(timeout=10_000)
    tab.page.get_by_label("Numbers of the latent").fill("0,3")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_text("dimension 3:").wait_for(timeout=10_000)
    tab.assert_clean()


def test_directions_in_the_report_need_no_server(runs: Path, browser: Any) -> None:
    page = browser.new_context().new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((runs / "dna" / "report.html").as_uri())
    slider = page.locator("input.walk").first
    window = page.locator(".walks .window").first
    before = window.screenshot()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "3.00 sd"
    assert window.screenshot() != before
    assert [url for url in requests if not url.startswith(("file://", "data:"))] == []
    assert "explore" in page.locator("section:has(.walks)").inner_text()
