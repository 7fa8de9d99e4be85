"""report.html: self-contained, says what was run, escapes what it is given, and works in a real browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import gantk
from gantk import plots
from gantk.errors import Diverged
from gantk.files.run_folder import RunFolder
from gantk.messages import duration
from gantk.reporting.report import write_report
from gantk.reporting.report_text import Numbers, rate_chart, times
from tests.conftest import TINY

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=document.title='hacked'>"
ESCAPE = "\x1b]0;hacked\x07\x1b[31m"


class Page(HTMLParser):
    """Collects what a page would load, and what would run in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loaded += [
            value or "" for name, value in attrs if re.fullmatch(r"(xlink:)?(src|href|srcset|data|action)", name)
        ]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    """A short run whose recipe, folder, pictures, panels and metrics have hostile names."""
    root = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        patched.setenv("GANTK_CACHE", str(root / "cache"))
        Path("tiny.yaml").write_text(TINY)
        bars = '{modes_covered: {">=": 9}, evenness: {">=": 0}}'
        entry = f"{{use: basics/ring_modes, samples: 100, every: 10, require: {bars}}}"
        run = gantk.run(
            "tiny.yaml",
            [
                "train.steps=40",
                "train.schedule=linear",
                f"about={json.dumps(HOSTILE + ESCAPE)}",
                f"evaluate=[{entry}, {{use: basics/diversity}}]",
            ],
            out=f"run <img src=x onerror=alert(1)> {ESCAPE}",
        )
        found = RunFolder(run.path)
        Image.new("RGB", (30, 20)).save(found.samples / "data-<img src=x onerror=alert(1)>.png")
        panels = json.loads(found.panels.read_text())
        found.panels.write_text(json.dumps({file: {"title": HOSTILE, "caption": HOSTILE} for file in panels}))
        judged = json.loads(found.evaluation.read_text())
        judged["values"][HOSTILE] = {HOSTILE: {"value": 1.0, "note": HOSTILE + ESCAPE}}
        judged["summaries"] += [HOSTILE]
        found.evaluation.write_text(json.dumps(judged))
        found.append([{"step": 40, HOSTILE: 2.0, "a$b$": 1.0}, {"step": 40, "split": "validation", HOSTILE: 1.0}])
        found.tell("resumed", 40)
        write_report(found)
        yield found


@pytest.fixture(scope="module")
def text(folder: RunFolder) -> str:
    return (folder.path / "report.html").read_text()


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert page.loaded
    assert [source[:40] for source in page.loaded if not source.startswith(("data:", "#"))] == []
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", text)
    assert "default-src 'none'" in text  # and the browser is told to refuse it


def test_what_recipes_files_and_metrics_are_called_is_escaped(text: str) -> None:
    page = Page(text)
    assert page.scripts == 1
    assert page.handlers == []
    assert "<script>document" not in text and "<img src=x" not in text
    assert "\x1b" not in text and "\x07" not in text
    assert "&lt;script&gt;document.title" in text and "\\x1b]0;hacked" in text


def test_only_its_own_script_may_run(text: str) -> None:
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_it_says_what_was_run_and_how_to_repeat_it(text: str) -> None:
    said = html.unescape(text)
    for words in (
        "high_quality",
        "gantk run",
        "resolved.yaml",
        "data_fingerprint",
        "seed: 3",
        "command line",
        "The data are simulated, not real",
        "resumed once, at step 40",
        "1 of 2 bars missed",
        "required >= 9: missed",
        "required >= 0: passed",
        "norm of the gradients",
        "learning rate",
        "steps a second",
        "torch 2",
    ):
        assert words in said, words
    recipe = re.search(r'href="data:text/yaml;base64,([^"]*)"', text)
    assert recipe and b"loss:" in base64.b64decode(recipe[1])


def test_every_part_has_its_place(folder: RunFolder, text: str) -> None:
    assert set(json.loads(folder.panels.read_text())) == {"panel-many.png", "panel-coordinates.svg"}
    assert len(re.findall(r'class="frame', text)) == len(list(folder.samples.glob("step-*.png"))) == 4
    assert len(re.findall(r"<svg", text)) == 1 + 4 + 3 + 1  # a panel; losses, norms, diversity, rate; validation
    identities = re.findall(r'<(?:clipPath|path|g) id="([^"]*)"', text)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]*)', text))
    assert used and all(identities.count(each) == 1 for each in used)


def test_a_run_that_diverged_has_a_report(tiny: Path) -> None:
    optimizer = {"use": "basics/sgd", "lr": 1e30}
    with pytest.raises(Diverged):
        gantk.run(tiny, {"play.critic_optimizer": optimizer, "train.steps": 30}, out="diverged")
    said = Path("diverged/report.html").read_text()
    assert "Training diverged" in said
    assert "of 30 steps" in said


def test_a_legend_of_many_and_long_names_leaves_room_for_the_curves() -> None:
    curve = ([1.0, 2.0], [1.0, 2.0])
    svg = plots.chart_svg(plots.Chart("losses", {f"term {n} {'x' * 5 * n}": curve for n in range(14)}), "many")
    assert "term 13 xxx" in svg and "…" in svg and "x" * 41 not in svg


def test_curves_are_found_and_scaled() -> None:
    lines = [{"step": step, "seconds": step, "critic": 100.0, "penalty": 0.01 * step} for step in range(1, 1001)]
    lines += [{"step": 500, "diverged_at": 600, "cause": "?", "rate": 0.5}, {"step": 10, "diversity": 0.5}]
    lines += [{"step": 10, "split": "validation", "m.hits": 3.0}]
    charts = {chart.title: chart for chart in plots.charts(lines, {"m.hits": 7.0})}
    assert list(charts) == ["losses", "diversity of samples / diversity of data", "m.hits"]
    assert list(charts["losses"].curves) == ["critic", "penalty"]
    assert charts["m.hits"].reference == 7.0
    steps, mean, low, high = plots.thinned(*charts["losses"].curves["penalty"])
    assert len(steps) == plots.POINTS
    assert mean == pytest.approx(0.01 * steps)  # an average of a line lies on it
    assert (low <= mean).all() and (mean <= high).all() and low[0] == 0.01 and high[-1] == 10.0
    assert plots.wants_logarithm([[1.0, 2.0], [1000.0, 2000.0]])
    assert not plots.wants_logarithm([[-1.0, 2.0], [1000.0, 2000.0]])
    assert not plots.wants_logarithm([[1.0, 2.0], [3.0, 4.0]])
    assert not plots.wants_logarithm([[0.0, 1.0, 1000.0]])  # nothing would show where it is 0


def numbers_of(lines: list[dict]) -> Numbers:
    numbers = Numbers(lines)
    assert list(numbers.passing()) == lines
    return numbers


def test_a_clock_that_was_set_back_says_nothing_of_the_time_of_judging() -> None:
    resolved: dict = {"train": {"steps": 100}, "evaluate": []}
    events = [
        {"event": "trained", "step": 9, "time": "2026-03-01T12:00:00+00:00"},
        {"event": "judged", "step": 9, "time": "2026-03-01T11:00:20+00:00"},
    ]
    assert "Judging" not in dict(times(numbers_of([]), events, resolved))
    events[1]["time"] = "2026-03-01T12:00:48+00:00"
    assert dict(times(numbers_of([]), events, resolved))["Judging"].startswith("48 s")


def test_where_the_time_went() -> None:
    """Steps of 0.1 s; after every tenth a pause of 2 s."""
    seconds, lines = 0.0, []
    for step in range(1, 101):
        seconds += 0.1 + (2.0 if step % 10 == 1 and step > 1 else 0.0)
        lines.append({"step": step, "seconds": seconds})
    resolved = {"train": {"steps": 100, "sample_every": 10, "checkpoint_every": None}, "evaluate": []}
    said = dict(times(numbers_of(lines), [], resolved))
    assert said["Training"] == "28 s; 10 steps a second"
    assert said["Of it, pauses"].startswith("about 18 s")
    assert [duration(each) for each in (0.5, 48.2, 475, 11520)] == ["0.5 s", "48 s", "7 min 55 s", "3 h 12 min"]


def test_the_learning_rate_is_that_of_schedule_and_restorations() -> None:
    optimizer = {"use": "basics/adam", "lr": 0.5}
    resolved = {
        "train": {"steps": 100, "schedule": "linear"},
        "generator": {"use": "basics/mlp"},
        "play": {"critic_optimizer": optimizer, "generator_optimizer": optimizer},
    }
    lines = [{"step": 40, "diverged_at": 60, "cause": "?", "rate": 0.1}, {"step": 100, "seconds": 1.0}]
    chart = rate_chart(resolved, numbers_of(lines))
    assert chart is not None and list(chart.curves) == ["both sides"]
    steps, rates = chart.curves["both sides"]
    at = dict(zip(steps, rates, strict=True))
    assert at[1] == 0.5
    assert at[51] == pytest.approx(0.5 * 0.5 * 0.1)
    resolved["train"]["schedule"] = "constant"
    assert rate_chart(resolved, numbers_of(lines[1:])) is None


def test_many_pictures_are_left_out_evenly(tmp_path: Path, folder: RunFolder) -> None:
    shutil.copytree(folder.path, tmp_path / "run")
    copy = RunFolder(tmp_path / "run")
    for step in range(41, 141):
        shutil.copy(copy.samples / "step-000040.png", copy.samples / f"step-{step:06d}.png")
    write_report(copy)
    steps = [int(step) for step in re.findall(r'data-step="(\d+)"', (copy.path / "report.html").read_text())]
    assert len(steps) == 30 and steps[0] == 10 and steps[-1] == 140 and steps == sorted(set(steps))


def browse(page: Path, tmp_path: Path, *arguments: str) -> tuple[str, str]:
    """What Chromium makes of a page: its DOM and its log, without any network."""
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
            *(arguments or ("--dump-dom",)),
            page.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stdout, done.stderr


PROBE = """
{
const before = [...document.querySelectorAll(".frame")].findIndex((frame) => !frame.hidden);
const slider = document.getElementById("slider");
slider.value = "0";
slider.dispatchEvent(new Event("input"));
const shown = [...document.querySelectorAll(".frame")].filter((frame) => !frame.hidden);
const step = document.getElementById("step").textContent;
document.getElementById("play").click();
document.querySelector(".picture").click();
const wider = [...document.querySelectorAll("body *")].filter(
  (each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".picture, svg, pre"));
const found = {
  before, larger: document.querySelectorAll(".picture.full").length, shown: shown.map((frame) => frame.dataset.step),
  step, playing: document.getElementById("play").textContent,
  broken: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).length,
  title: document.title, width: innerWidth, scroll: document.documentElement.scrollWidth,
  wider: wider.map((each) => each.outerHTML.slice(0, 80)), requests: performance.getEntriesByType("resource").map(
    (each) => each.name).filter((name) => !name.startsWith("data:")),
};
(parent === window ? document : parent.document).body.dataset.found = JSON.stringify(found);
}
"""


def probed(text: str) -> str:
    """The page with a probe at its end, which its security policy lets run beside its own script."""
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    allowed = text.replace("script-src '", f"script-src 'sha256-{digest}' '", 1)
    return allowed.replace("</body>", f"<script>{PROBE}</script></body>")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
@pytest.mark.parametrize("width", [375, 1100])
def test_it_works_in_a_browser(text: str, tmp_path: Path, width: int) -> None:
    page = tmp_path / "host.html"  # a frame, since a window is never narrower than 500 pixels
    page.write_text(
        f"<body><iframe style='width:{width}px;height:800px;border:0' srcdoc='{html.escape(probed(text))}'></iframe>"
    )
    dom, log = browse(page, tmp_path, f"--window-size={width + 100},900", "--dump-dom")
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found, log
    seen = json.loads(html.unescape(found[1]))
    assert seen["before"] == 3
    assert seen["shown"] == ["10"] and seen["step"] == "10"
    assert seen["playing"] == "Stop"
    assert seen["larger"] == 1  # and yet no part is wider than the page
    assert seen["broken"] == 0
    assert seen["title"] != "hacked"
    assert seen["requests"] == []
    assert seen["width"] == width
    assert seen["scroll"] <= seen["width"], seen["wider"]
    assert seen["wider"] == []
    assert "CONSOLE" not in log, log


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
def test_it_can_be_printed(folder: RunFolder, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    browse(folder.path / "report.html", tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 2 <= pages <= 12


@pytest.mark.parametrize("count", [1, 249, 250, 251, 400, 499, 501, 749, 10_001])
def test_every_point_of_a_curve_is_of_equally_many_steps(count: int) -> None:
    """Else a part of it looks calmer than the rest: its band is of fewer values."""
    steps = [float(step) for step in range(1, count + 1)]
    about, mean, least, most = plots.thinned(steps, steps)
    assert len(about) <= plots.POINTS
    assert len(set((most - least).tolist())) == 1
    assert (about == mean).all() and (least[0], most[-1]) == (1, count)
