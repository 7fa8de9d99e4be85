"""report.html: self-contained, escapes what it is given, and works in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import gantk

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>document.title = 'hacked'</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


@pytest.fixture
def report(tiny: Path) -> Path:
    run = gantk.run(tiny, {"train.steps": 40, "about": HOSTILE})
    return run.path / "report.html"


def test_nothing_is_loaded_from_elsewhere(report: Path) -> None:
    page = Page()
    page.feed(report.read_text())
    assert page.loaded
    assert [source[:40] for source in page.loaded if not source.startswith(("data:", "#"))] == []
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", report.read_text())


def test_what_a_recipe_says_is_escaped(report: Path) -> None:
    text = report.read_text()
    assert "<script>document.title" not in text
    assert "&lt;script&gt;document.title" in text
    assert "onerror" not in re.findall(r"<img[^>]*>", text)[0]


def test_it_says_what_was_run_and_how_to_repeat_it(report: Path) -> None:
    text = report.read_text()
    for words in (
        "ring_modes.high_quality",
        "gantk run",
        "resolved.yaml",
        "data_fingerprint",
        "seed: 3",
        "command line",
    ):
        assert words in text


def browse(page: Path, tmp_path: Path) -> tuple[str, str]:
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'browser'}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            page.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
def test_it_works_in_a_browser(report: Path, tmp_path: Path) -> None:
    probe = """
    <script>
      const frame = document.getElementById("frame"), slider = document.getElementById("slider");
      const before = frame.src;
      slider.value = "0";
      slider.dispatchEvent(new Event("input"));
      const broken = [...document.images].filter((image) => image.complete && image.naturalWidth === 0).length;
      document.body.dataset.found = JSON.stringify({
        changed: frame.src !== before, step: document.getElementById("step").textContent, broken, title: document.title,
      });
    </script></body>"""
    page = tmp_path / "probed.html"
    page.write_text(report.read_text().replace("</body>", probe))
    dom, log = browse(page, tmp_path)
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found, log
    seen = found[1].replace("&quot;", '"')
    assert '"changed":true' in seen
    assert '"step":"10"' in seen
    assert '"broken":0' in seen
    assert "hacked" not in seen
    assert "CONSOLE" not in log, log
