"""Documents as what can be tried: fenced blocks from top to bottom, each with the directives that stand before it.

A directive is an HTML comment, which no reader sees; CONTRIBUTING.md ("Writing docs") explains them all:

    <!-- test: add run train.steps=5 -->      behind every `gantk run` of the next block
    <!-- test: page add run train.steps=5 --> the same, of every block from here on
    <!-- test: skip network -->               the next block is not tried, for one of `REASONS`
    <!-- test: data microscopy/fly -->        the page needs this folder of the real test data, and has it as `fly`
    <!-- test: exit 1 -->                     the next block ends with this exit code
    <!-- test: sh (or python), then lines --> a block that is run but not shown
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
REASONS = {
    "network": "needs the network: a download, a clone, packages from an index",
    "gpu": "needs a GPU, or several",
    "slurm": "needs a cluster that runs Slurm",
    "program": "needs another program: R, Fiji, an editor",
    "data": "needs real data that do not come with gantk",
    "full-run": "shows what a full run prints, and the test runs a few steps",
    "server": "serves a page until Ctrl-C",
    "suite": "is the test suite itself, or builds this whole repository",
    "form": "shows a form with placeholders, or part of a file: not a whole command or file",
}
LANGUAGES = {"sh", "bash", "python", "yaml", "toml", "json", "text", ""}


@dataclass
class Block:
    """One fenced block, shown or hidden.

    Args:
        language: first word of the info string.
        text: what stands in it.
        line: where it begins in the document, from 1.
        title: the file that it is, from `title="…"`; "" where it is none.
        skip: why it is not tried; "" where it is.
        exit_code: what a shell block has to end with.
        added: command of gantk to words that are put behind it.
        hidden: whether it stands in a comment.
        needs: folder of the real test data without which the page cannot be tried; "" where there is none.
    """

    language: str
    text: str
    line: int
    title: str = ""
    skip: str = ""
    exit_code: int = 0
    added: dict[str, list[str]] = field(default_factory=dict)
    hidden: bool = False
    needs: str = ""


def real_data() -> Path:
    """The folder of real data that tests use, if it is there."""
    return Path(os.environ.get("GANTK_TEST_DATA", ROOT.parent / "shared" / "data"))


def documents() -> list[Path]:
    """README.md, CONTRIBUTING.md and all pages below docs/."""
    pages = sorted(path for path in (ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *pages]


def blocks(path: Path) -> list[Block]:
    """The blocks of a document, from top to bottom.

    Raises:
        ValueError: a directive that there is not, or that no block follows.
    """
    found: list[Block] = []
    for_page: dict[str, list[str]] = {}
    waiting: dict[str, object] = {}
    for token in MarkdownIt().parse(path.read_text(encoding="utf-8")):
        where = f"{path.name}:{token.map[0] + 1}" if token.map else path.name
        if token.type == "html_block":
            for comment in re.findall(r"<!--\s*test:(.*?)-->", token.content, re.S):
                _directive(comment, where, token.map[0] + 1, found, for_page, waiting)
        elif token.type == "fence":
            language, _, rest = token.info.strip().partition(" ")
            title = re.search(r'title="([^"]+)"', rest)
            added = {command: list(words) for command, words in for_page.items()}
            for command, words in waiting.pop("add", {}).items():  # type: ignore[attr-defined]
                added[command] = [*added.get(command, []), *words]
            block = Block(language, token.content, token.map[0] + 1, title[1] if title else "", added=added, **waiting)
            found.append(block)
            waiting.clear()
    if waiting:
        raise ValueError(f"{path.name}: no block follows the last directive, {waiting}")
    return found


def _directive(
    comment: str,
    where: str,
    line: int,
    found: list[Block],
    for_page: dict[str, list[str]],
    waiting: dict[str, object],
) -> None:
    first, _, body = comment.strip().partition("\n")
    words = shlex.split(first)
    match words:
        case ["sh" | "python" as language, *rest]:
            text = "\n".join([shlex.join(rest)] * bool(rest) + [body]) + "\n"
            added = {command: list(each) for command, each in for_page.items()}
            found.append(Block(language, text, line, added=added, hidden=True))
        case ["add", command, *rest]:
            waiting.setdefault("add", {}).setdefault(command, []).extend(rest)  # type: ignore[attr-defined]
        case ["page", "add", command, *rest]:
            for_page.setdefault(command, []).extend(rest)
        case ["data", folder]:
            text = shlex.join(["ln", "-s", str(real_data() / folder), Path(folder).name]) + "\n"
            found.append(Block("sh", text, line, hidden=True, needs=folder))
        case ["skip", reason] if reason in REASONS:
            waiting["skip"] = reason
        case ["exit", code]:
            waiting["exit_code"] = int(code)
        case _:
            raise ValueError(f"{where}: '{first}' is no directive: {__doc__}\nReasons: {', '.join(REASONS)}")
