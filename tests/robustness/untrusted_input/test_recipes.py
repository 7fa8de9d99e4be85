"""Recipes from a stranger: nothing in them runs, reads or becomes anything but the value that it says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gantk.errors import FileError, RecipeError
from gantk.recipe.recipe import load, recipe_from_text
from gantk.runs.start import claim
from tests.conftest import TINY
from tests.helpers.damage import refused, run


def refusal(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(text, "x")
    return str(caught.value)


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "!!python/object/new:os.system ['touch ran']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch ran']",
        "!!binary Y29zCnN5c3RlbQo=",
        "!!timestamp 2001-01-01",
        "!include /etc/passwd",
    ],
)
def test_tags_are_mistakes_and_do_nothing(tagged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "tags (" in refusal(TINY.replace("points on a ring, a few steps", tagged))
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "os:system",
        "posixpath:join",
        "gantk_basics.losses.gan:Gan",
        "../basics/gan",
        "basics/../basics/gan",
        "/etc/passwd",
        "basics/gan\0",
        "basics/__init__",
        "basics/gan.__class__",
        "a" * 100_000,
        "\x1b[2Jbasics/gan",
    ],
    ids=range(12),
)
def test_use_names_a_declared_component_and_nothing_else(name: str) -> None:
    quoted = '"' + "".join(f"\\x{ord(each):02x}" if not each.isprintable() else each for each in name) + '"'
    message = refusal(TINY.replace("{use: basics/gan}", f"{{use: {quoted}}}"))
    assert "loss" in message and "\x1b" not in message
    assert len(message) < 300_000


@pytest.mark.parametrize(
    "text", ["$HOME", "${HOME}", "$(touch ran)", "`touch ran`", "{{7*7}}", "%(x)s", "a; touch ran"]
)
def test_text_is_never_expanded(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = recipe_from_text(TINY, "x", {"about": text, "train.start_from": f"{text}/a.h5"})
    assert recipe.values["about"] == text
    assert recipe.values["train"]["start_from"] == str(tmp_path / text / "a.h5")
    assert not Path("ran").exists()


def test_aliases_are_not_multiplied() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    started = time.process_time()
    assert "aliases" in refusal(laughs + TINY)
    assert time.process_time() - started < 5


def test_a_file_of_two_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("about: x")
    os.truncate(path, 2**31)  # sparse: takes no room on the disk
    with pytest.raises(FileError, match=r"large\.yaml is larger than any recipe"):
        load(path)


@pytest.mark.parametrize(
    "text",
    ["".join(f"k{n}: 1\n" for n in range(90_000)), "about: " + "x" * 2_000_000, "a: " + "{a: " * 5000, "- " * 400_000],
    ids=["keys", "scalar", "braces", "dashes"],
)
def test_far_too_much_is_refused_soon(text: str) -> None:
    started = time.process_time()
    message = refusal(text)
    assert time.process_time() - started < 20
    assert len(message) < 100_000


@pytest.mark.slow
def test_a_million_keys_are_refused_by_size(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("".join(f"key{n}: 1\n" for n in range(1_000_000)))
    with pytest.raises(FileError, match="larger than any recipe"):
        load(path)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e400", "-1e400"])
def test_numbers_are_finite(value: str) -> None:
    assert "is not a finite number" in refusal(TINY.replace("ema: 0.9", f"ema: {value}"))
    with pytest.raises(RecipeError, match="not a finite number"):
        recipe_from_text(TINY, "x", [f"data.radius={value}"])


@pytest.mark.parametrize(
    "content", [b"about: \xff\xfe", "about: x".encode("utf-16"), b"\x00\x01\x02", b"about: caf\xe9"], ids=range(4)
)
def test_other_encodings_are_named(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    assert run(["validate", str(path)]) in (1, 2)
    assert "odd.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "a" * 5000, "\x1b]0;title\x07", "~root/x"])
def test_names_of_recipes_and_runs_that_lead_elsewhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["validate", name], ["resume", name], ["sample", name, "-o", "x.h5"], ["cp", name, "x.yaml"]):
        refused(capsys, *command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stem", ["..", "-rf", "a\x1b[31mred", "a\nb", "<b>x<b>", "x" * 200])
def test_a_run_stays_in_runs_whatever_its_recipe_is_called(
    stem: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tiny.parent / f"{stem}.yaml"
    tiny.rename(recipe)
    made = claim(load(recipe).name, None)
    assert made.resolve().parent == Path("runs").resolve()
    assert run(["validate", str(recipe), "train.batch=x"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_a_recipe_does_not_start_programs(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`dna/command` is the one component that does, so the user must say so outside the recipe."""
    design = "objectives: [{use: dna/command, run: [touch, ran]}]\ngenerator: null\nsearch: {method: feedback}\n"
    Path("design.yaml").write_text(design + "data: {use: dna/planted}\n")
    run(["design", "design.yaml", "-o", "x.fa"])
    assert not Path("ran").exists()
    from gantk_dna.alphabet import sequence_spec
    from gantk_dna.objectives import Command

    from gantk.errors import ComponentError

    with pytest.raises(ComponentError, match="GANTK_ALLOW_PROGRAMS=1"):
        Command(sequence_spec(10), run=["touch", "ran"])
