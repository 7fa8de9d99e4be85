"""Signals: none is lost, wherever it comes."""

from __future__ import annotations

import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from gantk.errors import Interrupted
from gantk.runs.signals import Interruption, sent_again


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """Also where pytest was started in the background of a script, which ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Thing:
    pass


def lose(number: signal.Signals) -> None:
    """Lets a signal come in the callback of a weak reference, from where nothing is passed on."""
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(number))
    del thing
    assert reference() is None


def wait() -> None:
    for _ in range(200):
        time.sleep(0.01)


def test_ctrl_c_that_python_swallows_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    with sent_again(), pytest.raises(KeyboardInterrupt):
        lose(signal.SIGINT)
        wait()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["130", "143"])
def test_so_does_what_asks_to_leave_at_once(number: signal.Signals) -> None:
    with sent_again(), Interruption() as stop, pytest.raises(Interrupted) as caught:
        stop.at_once = True
        lose(number)
        wait()
    assert caught.value.exit_code == 128 + number


def test_what_else_is_lost_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    thing = Thing()
    reference = weakref.ref(thing, lambda _: 1 // 0)
    with sent_again():
        del thing
    assert reference() is None
    assert told == [ZeroDivisionError]
    assert sys.unraisablehook is not sys.__unraisablehook__  # as it was before
