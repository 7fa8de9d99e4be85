"""Every error that gantk raises on purpose: it says what, where, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class GantkError(Exception):
    """Base of all errors that a user can cause and mend; `cli` prints it without a traceback.

    Its message says what is wrong, where, and what to type instead, and may span lines.
    """

    exit_code = 2


class RecipeError(GantkError):
    """A recipe that cannot be run; the message lists every mistake that was found.

    Args:
        message: all mistakes, in words.
        mistakes: the same for `--json`: of each `file`, `line`, `column`, `message`, `hint`.
    """

    exit_code = 1

    def __init__(self, message: str, mistakes: Sequence[Mapping[str, Any]] = ()):
        super().__init__(message)
        self.mistakes = list(mistakes)


class ComponentError(GantkError):
    """A component that is unknown, of the wrong kind, or whose plugin cannot be imported."""


class BrokenPlugin(GantkError):
    """`gantk doctor` found a plugin that does not work."""

    exit_code = 1


class DoesNotFit(GantkError):
    """Parts that each are right but cannot work together, such as batch norm under a gradient penalty."""

    exit_code = 1


class MissingExtra(GantkError):
    """A library that an extra brings is not installed; the message says what to type."""


class DataError(GantkError):
    """Data that is missing, damaged or of an unexpected form. The message names the file and the cure."""


class MissingData(DataError):
    """Data that are not on this machine: nothing lies where the recipe says. `gantk validate` does not mind."""


class FileError(GantkError):
    """A file of gantk's own (checkpoint, samples, run folder) that cannot be read or written."""


class Diverged(GantkError):
    """Training met a non-finite number.

    Args:
        message: the step, the net, the term and the last good checkpoint.
        step: where it was met.
    """

    exit_code = 1

    def __init__(self, message: str, step: int = 0):
        super().__init__(message)
        self.step = step


class RankLost(GantkError):
    """Another process of this distributed run has ended, or never joined.

    Args:
        message: what has happened.
        how_to_go_on: the last good checkpoint, and the command that goes on from it.
    """

    def __init__(self, message: str, how_to_go_on: str = ""):
        super().__init__(f"{message}. {how_to_go_on}" if how_to_go_on else message)
        self.topic = "how to go on" if how_to_go_on else "cause"


class BarMissed(GantkError):
    """A metric fell below the bar that its recipe entry sets with `require`."""

    exit_code = 1


class Interrupted(BaseException):
    """Training was asked to stop (Ctrl-C: 130, SIGTERM: 143); the message holds the resume command.

    It may come between any two lines, and is no Exception, so that nothing that forgives errors takes it for one.
    """

    def __init__(self, message: str, exit_code: int = 130):
        super().__init__(message)
        self.exit_code = exit_code
