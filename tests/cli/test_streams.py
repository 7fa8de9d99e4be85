"""Whatever the terminal is, there is a message and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gantk import console


def test_an_encoding_that_lacks_a_letter_gets_its_escape() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "gantk", "list", "metric"], env=environment, capture_output=True, check=True
    )
    assert done.stdout.isascii() and b"Fr\\xe9chet" in done.stdout


def test_a_closed_output_is_told() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m gantk list >&-', sys.executable], stderr=subprocess.PIPE, check=False, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "error: standard output is closed: there is nowhere to write the answer to\n"


def test_words_between_colons_are_no_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("runs/:bug:/x")
    console.warn("runs/:bug:/y")
    console.table("", ("name",), [("runs/:bug:/z",)])
    out, err = capsys.readouterr()
    assert "runs/:bug:/x" in err and "runs/:bug:/y" in err and "runs/:bug:/z" in out


def test_a_warning_is_said_once_where_that_is_asked_and_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with console.once():
            console.warn("three splits, one fault")
            with console.once():  # within it, too
                console.warn("three splits, one fault")
            console.warn("another")
    assert capsys.readouterr().err == "warning: three splits, one fault\nwarning: another\n" * 2
    with console.collected() as said:
        console.warn("kept")
        console.warn("kept")
    assert said == ["kept"] and capsys.readouterr().err == ""
    console.warn("said")
    console.warn("said")
    assert capsys.readouterr().err == "warning: said\n" * 2
