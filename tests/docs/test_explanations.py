"""Tutorials and explanations: every metric is explained, every page says where to go next, pictures stay small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gantk.components.registry import installed_registry

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*(DOCS / "tutorials").glob("*.md"), *(DOCS / "explanation").glob("*.md")])


def test_every_metric_is_explained_and_no_other() -> None:
    text = (DOCS / "explanation" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+/[a-z0-9_]+)` \| .+ \| .+ \|$", text, re.M)
    own = {each.full for each in installed_registry().of_kind("metric") if each.distribution == "gantk"}
    assert set(rows) == own
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_page_says_what_next(path: Path) -> None:
    headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.M)
    assert headings[-1] == "What next"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pictures_are_small_and_have_words_for_those_who_cannot_see_them(path: Path) -> None:
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert len(words) > 10, target
        assert (path.parent / target).stat().st_size < 150_000, target
