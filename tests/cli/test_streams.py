"""Whatever the terminal is, there is a message and no traceback."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

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


def test_a_table_on_a_pipe_is_what_rich_would_draw(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["cell é", "", "1 … 2"], ["宽字", "two\nlines", "[bold]"], ["", "a: b  c", ":bug:"]]
    columns = ("name", "what it is", "95 %")
    console.table("a title", columns, rows)
    drawn = Table(title="a title", title_justify="left", box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(Text(column))
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console(width=1000, file=(file := io.StringIO())).print(drawn)
    assert capsys.readouterr().out.splitlines() == [line.rstrip() for line in file.getvalue().splitlines()]


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


def test_messages_are_records_that_another_handler_can_have(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("gantk")
    logger.addHandler(caplog.handler)
    try:
        console.set_quiet(True)
        console.say("50 % of [it] is done")
        console.warn("look out")
    finally:
        console.set_quiet(False)
        logger.removeHandler(caplog.handler)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "50 % of [it] is done"),
        ("WARNING", "look out"),
    ]
    assert capsys.readouterr().err == "warning: look out\n"
