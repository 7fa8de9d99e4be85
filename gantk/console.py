"""The one module that prints: answers to stdout, everything else to stderr.

Messages and warnings are records of the logger "gantk", so that other handlers can have them, too; the handler here
prints them, above the live display where there is one.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from gantk.errors import FileError
from gantk.messages import without_escapes

if TYPE_CHECKING:
    from rich.live import Live

T = TypeVar("T")
QUIET_SECONDS = 15.0  # on a pipe, a plain line about this often

_verbose = True
_details = False
_silent = False
_may_say: Callable[[str], bool] = bool
_said: list[str] | None = None  # the warnings since `once` was entered
_kept: list[str] | None = None  # where `collected` keeps warnings instead of saying them
_live: Console | None = None  # of the live display that is up: what is said meanwhile goes above it


def set_quiet(quiet: bool) -> None:
    """Silences everything but answers, warnings and errors."""
    global _verbose
    _verbose = not quiet


def is_quiet() -> bool:
    """Whether `set_quiet` was asked for."""
    return not _verbose


def set_details(details: bool) -> None:
    """Says the losses whenever they are read, and of what fails and is gone on without the traceback too."""
    global _details
    _details = details


def has_details() -> bool:
    """Whether `set_details` was asked for."""
    return _details


def one_of_several(silent: bool, may_say: Callable[[str], bool]) -> None:
    """Of several processes of one run, one prints; an error that ends the run is printed by the one that met it first.

    Args:
        silent: whether this one says nothing but errors.
        may_say: asked with the topic of an error before it is said.
    """
    global _verbose, _silent, _may_say
    _verbose, _silent, _may_say = _verbose and not silent, silent, may_say


def prepare_streams() -> None:
    """Lets every text be written: letters that a terminal's or pipe's encoding lacks are written as escapes.

    Raises:
        FileError: standard output is closed, so that there is nowhere to write an answer to.
    """
    if sys.stderr is None:  # closed by whoever started gantk
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the process ends
    if sys.stdout is None:
        raise FileError("standard output is closed: there is nowhere to write the answer to")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            with suppress(OSError):  # a stream that cannot be set anew stays as it is
                stream.reconfigure(errors="backslashreplace")


def _stderr() -> Console:
    if _live is not None:
        return _live
    return Console(file=sys.stderr, highlight=False, emoji=False, soft_wrap=True)


def _stdout() -> Console:
    return Console(file=sys.stdout, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def answer(text: str) -> None:
    """Prints the answer to a command to stdout."""
    sys.stdout.write(without_escapes(text) + "\n")
    sys.stdout.flush()


def answer_text(text: Text) -> None:
    """Coloured text on stdout; on a pipe without its colours."""
    _stdout().print(text, end="", soft_wrap=True)


def answer_json(document: Any) -> None:
    """The answer as exactly one JSON document, on stdout."""
    answer(json.dumps(document, indent=2, ensure_ascii=False, default=str))


class Terminal(logging.Handler):
    """Prints records of the logger "gantk" to stderr: messages (not with --quiet) and warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record."""
        text = without_escapes(record.getMessage())
        if record.levelno >= logging.WARNING:
            if not _silent:
                _stderr().print(f"[bold yellow]warning:[/] {escape(text)}")
        elif _verbose:
            _stderr().print(text, markup=False)


_logger = logging.getLogger("gantk")
_logger.setLevel(logging.INFO)
_logger.propagate = False  # or a handler of the root logger would print each message once more
_logger.addHandler(Terminal())


def say(text: str) -> None:
    """Logs a message, which is printed to stderr; not with --quiet."""
    _logger.info("%s", text)


def warn(text: str) -> None:
    """Logs a warning, which is printed to stderr: what the user should know before trusting the result."""
    if _kept is not None:
        _kept.extend([] if text in _kept else [text])
        return
    if _said is not None:
        if text in _said:
            return
        _said.append(text)
    _logger.warning("%s", text)


@contextmanager
def once() -> Iterator[None]:
    """Within it, warnings of the same words are said once: the splits of a data set all see what is wrong with it."""
    global _said
    outer, _said = _said, [] if _said is None else _said
    try:
        yield
    finally:
        _said = outer


@contextmanager
def collected() -> Iterator[list[str]]:
    """Within it, warnings are not said but kept in the list that it gives, each once."""
    global _kept
    outer, _kept = _kept, []
    try:
        yield _kept
    finally:
        _kept = outer


def error(text: str, topic: str = "cause") -> None:
    """Prints an error to stderr; of several processes of one run, only the first one that reports a topic."""
    if _may_say(topic):
        _stderr().print(f"[bold red]error:[/] {escape(without_escapes(text))}")


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]], *, to_stdout: bool = True) -> None:
    """A table that fits the terminal; on a pipe it is plain text of natural width. On stderr not with --quiet."""
    if not (to_stdout or _verbose):
        return
    console = _stdout() if to_stdout else _stderr()
    if not console.is_terminal:
        console.file.write(_plain_table(title, [[*columns], *([*row] for row in rows)]))
        return
    from rich.table import Table

    drawn = Table(
        title=escape(without_escapes(title)) or None, title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for position, column in enumerate(columns):
        drawn.add_column(escape(column), overflow="fold", no_wrap=position == 0, header_style="dim")
    for row in rows:
        drawn.add_row(*(escape(without_escapes(cell)) for cell in row))
    console.print(drawn)


def _plain_table(title: str, rows: list[list[str]]) -> str:
    """The table of a pipe: whole lines of natural width, columns two blanks apart, no blanks at the ends of lines."""
    from rich.cells import cell_len

    cells = [[without_escapes(cell).split("\n") for cell in row] for row in rows]  # (row, column, line)
    widths = [max(cell_len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    lines = [without_escapes(title)] if title else []
    for row in cells:
        for parts in zip_longest(*row, fillvalue=""):
            padded = (part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
    return "".join(f"{line}\n" for line in lines)


def progress(items: Iterable[T], total: int | None = None, text: str = "") -> Iterator[T]:
    """Passes `items` through while showing how far it is: a bar on a terminal, nothing on a pipe but a line when slow.

    Args:
        items: what to go through.
        total: how many there are; found by len() where None.
        text: what is being done.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not _verbose or not sys.stderr.isatty():
        started = reported = time.monotonic()
        for count, item in enumerate(items, 1):
            yield item
            if _verbose and time.monotonic() - reported > QUIET_SECONDS:
                reported = time.monotonic()
                say(f"{text}: {count} of {total or '?'} after {reported - started:.0f} s")
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    before = _live
    with Progress(*columns, console=_stderr(), transient=True, disable=before is not None) as bar:
        task = bar.add_task(escape(without_escapes(text)), total=total)
        if before is None:  # rich shows one live display at a time
            _lead(bar.console)
        try:
            for item in items:
                yield item
                bar.advance(task)
        finally:
            _lead(before)


def _lead(live: Console | None) -> None:
    """Prints messages through this console, above its live display, from now on; None: directly."""
    global _live
    _live = live


class Training:
    """The live display of a training run: rate and time left, and below them the losses."""

    def __init__(self, first: int, steps: int, text: str):
        self.first = first
        self.steps = steps
        self.started = self.reported = time.monotonic()
        self.live: Live | None = None
        if _verbose and sys.stderr.isatty():
            from rich.console import Group
            from rich.live import Live
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(compact=True),
                TextColumn("left"),
            )
            self.task = self.bar.add_task(escape(without_escapes(text)), total=steps, completed=first, rate="")
            self.losses = Text(overflow="ellipsis", no_wrap=True)
            self.live = Live(Group(self.bar, self.losses), console=_stderr(), refresh_per_second=4)
            self.live.start()
            _lead(self.live.console)

    def show(self, step: int, terms: Mapping[str, float]) -> None:
        """Shows that `step` steps are done, and the latest terms of the losses."""
        now = time.monotonic()
        rate = (step - self.first) / max(now - self.started, 1e-9)
        speed = f"{rate:.1f} steps/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s/step"
        losses = "  ".join(f"{name} {value:.3g}" for name, value in terms.items())
        if self.live is not None:
            self.bar.update(self.task, completed=step, rate=speed)
            self.losses.plain = without_escapes(losses)
        if _details:
            say(f"step {step} of {self.steps}  {speed}  {losses}")
        elif self.live is None and (now - self.reported > QUIET_SECONDS or step == self.steps):
            self.reported = now
            left = (self.steps - step) / max(rate, 1e-9)
            say(f"step {step} of {self.steps}  {speed}  {left:.0f} s left  {losses}")

    def close(self) -> None:
        """Ends the live display; what it showed last stays."""
        if self.live is not None:
            _lead(None)
            self.live.stop()


@contextmanager
def training(first: int, steps: int, text: str) -> Iterator[Training]:
    """A live display from step `first` to `steps` that is closed whatever happens."""
    display = Training(first, steps, text)
    try:
        yield display
    finally:
        display.close()
