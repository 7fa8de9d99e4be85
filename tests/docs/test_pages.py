"""Every command and snippet in the documents is run, from the top of each page to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.documents import ROOT, blocks, documents, real_data
from tests.helpers.trying import Page, Wrong, compare


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


LONG = {
    *(f"docs/tutorials/{name}.md" for name in ("cells", "dna", "latents", "microscope", "nih-course", "toy")),
    *(f"docs/tutorials/{name}.md" for name in ("tour", "week", "which-model")),
    *(
        f"docs/how-to/{name}.md"
        for name in ("cluster", "exercise", "explore", "judge-files", "own-expression", "own-loss", "own-sequences")
    ),
    *(
        f"docs/how-to/{name}.md"
        for name in ("published-features", "read-samples", "seeds", "several-devices", "sweep", "translate")
    ),
    *("docs/expression.md", "docs/zoo.md"),
}
"""Pages that `make test-long` runs: what they show has quick tests of its own, and `test_docs` knows their commands."""


def page_cases() -> list[object]:
    """The pages that have blocks, those of `LONG` marked."""
    pages = [each for each in documents() if blocks(each)]
    marks = {path: [pytest.mark.long] if name_of(path) in LONG else [pytest.mark.slow] for path in pages}
    return [pytest.param(path, marks=marks[path], id=name_of(path)) for path in pages]


@pytest.mark.parametrize("path", page_cases())
def test_page(path: Path, forks: Path, cache: Path, tmp_path: Path) -> None:
    missing = [each.needs for each in blocks(path) if each.needs and not (real_data() / each.needs).is_dir()]
    if missing:
        pytest.skip(f"{name_of(path)} needs {missing[0]} of the real test data: set GANTK_TEST_DATA to their folder")
    page = Page(tmp_path, forks, cache)
    try:
        for block in blocks(path):
            try:
                page.try_block(block, name_of(path))
            except Exception as error:
                pytest.fail(f"{name_of(path)}:{block.line}\n{block.text}\n{error}", pytrace=False)
    finally:
        page.close()


def test_long_pages_are_there() -> None:
    assert {name_of(path) for path in documents() if blocks(path)} >= LONG


def test_most_blocks_are_tried() -> None:
    every = [block for path in documents() for block in blocks(path) if block.language in ("sh", "python", "yaml")]
    skipped = [block for block in every if block.skip]
    assert len(every) > 60
    assert len(skipped) < len(every) / 4


@pytest.mark.parametrize(
    "shown",
    ["step 9 of 9", "step 12 of 500\ndone", "step … 1\n…\ndone", "  step 3   of 7"],
    ids=["same", "numbers", "dots", "blanks"],
)
def test_shown_output_is_compared_loosely(shown: str) -> None:
    compare(shown, "step 9 of 9\nother\nstep of 1\ndone\n")


@pytest.mark.parametrize("shown", ["steps 9 of 9", "done\nstep 9 of 9", "step 9"], ids=["word", "order", "part"])
def test_shown_output_that_never_came_is_found(shown: str) -> None:
    with pytest.raises(Wrong):
        compare(shown, "step 9 of 9\ndone\n")


@pytest.mark.parametrize(
    "text",
    ["<!-- test: skip laziness -->\n```sh\nfalse\n```\n", "<!-- test: add run a=1 -->\nno block\n"],
    ids=["unknown-reason", "no-block"],
)
def test_directives_are_checked(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(ValueError, match=r"page\.md"):
        blocks(tmp_path / "page.md")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```sh\ngantk list nonsense\n```\n", "'nonsense' is not a kind"),
        ("```sh\ngantk list loss\n```\n\n```text\nacme/loss\n```\n", "shows\n  acme/loss\nbut"),
        ("```python\nassert 1 + 1 == 3\n```\n", 'page.md", line 2'),
        (
            "```yaml\ndata: {use: basics/digits}\ncritic: {use: basics/mpl}\nloss: {use: basics/gan}\n```\n",
            "'basics/mlp'",
        ),
        ("<!-- test: sh\nexit 3\n-->\n", "exit code 3, expected 0"),
        ("<!-- test: exit 1 -->\n```sh\ntrue\n```\n", "exit code 0, expected 1"),
    ],
    ids=["command", "output", "python", "recipe", "hidden", "exit-code"],
)
def test_wrong_documents_are_found(text: str, reason: str, forks: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    page = Page(tmp_path, forks, cache)
    try:
        with pytest.raises(Wrong, match=reason):
            for block in blocks(tmp_path / "page.md"):
                page.try_block(block, "page.md")
    finally:
        page.close()
