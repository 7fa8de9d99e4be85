"""On a terminal, what is said while a display is live stands above it, whole, on lines of its own."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

SAID = "a warning that is long enough to be broken into several lines on any terminal that people really use " * 2
CODE = f"""
import time
from gantk import console
with console.training(0, 100, "training") as display:
    display.show(3, {{"critic": 0.5, "generator": 0.25}})
    time.sleep(0.3)
    console.warn({SAID!r})
    console.say("a note")
    display.show(60, {{"critic": 0.5, "generator": 0.25}})
    time.sleep(0.3)
for item in console.progress(range(3), text="reading"):
    console.say(f"item {{item}}")
    time.sleep(0.15)
console.say("the end")
"""


def shown(columns: int) -> str:
    """What a terminal of so many columns was sent, without the codes that move its cursor and colour it."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, columns))
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    sent = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        sent += piece
    assert process.wait() == 0, sent.decode()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent.decode()).replace("\r", "\n")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_warning_keeps_its_end_and_its_own_lines(columns: int) -> None:
    text = shown(columns)
    lines = [line.strip() for line in text.split("\n")]
    assert any(line.startswith("warning: a warning that is") for line in lines)
    assert SAID.strip() in " ".join(" ".join(lines).split())
    for alone in ("a note", "item 0", "item 2", "the end"):
        assert alone in lines
