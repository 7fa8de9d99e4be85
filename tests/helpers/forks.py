"""A process that has imported torch once and forks for each command, so that a hundred commands cost a hundred forks.

`python forks.py SOCKET` listens; a `gantk` in a page's own bin/ (see `SHIM`), or `run_forked` in a test, hands over its
arguments, environment, folder and standard streams, and gets the exit code of the fork. A fork named `blocks` runs
Python blocks instead.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

DRAWN = dict.fromkeys(("xtick.bottom", "xtick.labelbottom", "ytick.left", "ytick.labelleft"), False)
"""matplotlib's settings: no numbers at axes, which are most of what a picture takes."""

SHIM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({socket!r})
    message = json.dumps([{name!r}, sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(line, [len(message).to_bytes(8, "big")], [0, 1, 2])
    line.sendall(message)
    sys.exit(int.from_bytes(line.recv(1), "big"))
"""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """The socket of a process that forks, as long as the block lasts."""
    path = folder / "socket"
    process = subprocess.Popen([sys.executable, __file__, path])
    try:
        while not path.exists():
            if process.poll() is not None:
                raise RuntimeError("forks.py ended")
            time.sleep(0.05)
        yield path
    finally:
        process.terminate()
        process.wait()


def run_forked(
    path: Path, words: Sequence[str | Path], folder: Path, environment: Mapping[str, str], packages: Path
) -> subprocess.CompletedProcess[str]:
    """`gantk` with these words in a fork, as `subprocess.run` would with its output captured.

    Args:
        path: the socket.
        words: behind "gantk".
        folder: where it runs.
        environment: all of it; `GANTK_` variables count, PYTHONPATH does not.
        packages: a folder of installed packages that it finds besides its own.
    """
    arguments = [str(word) for word in words]
    environment = {**environment, "PAGE_PACKAGES": str(packages)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, Path(os.devnull).open() as nothing:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))
            message = json.dumps(["gantk", arguments, environment, str(folder)]).encode()
            streams = [each.fileno() for each in (nothing, out, err)]
            socket.send_fds(line, [len(message).to_bytes(8, "big")], streams)
            line.sendall(message)
            code = int.from_bytes(line.recv(1), "big")
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(["gantk", *arguments], code, out.read(), err.read())


def serve(path: str) -> None:
    """Answers until it is ended."""
    import matplotlib

    from gantk.cli import COMMANDS, run_command_line

    matplotlib.rcParams.update(DRAWN)
    commands = [f"gantk.cli.{name.replace('-', '_')}" for name in COMMANDS]
    for module in [*commands, "gantk.api.run", "matplotlib.pyplot", "scipy.stats", "sklearn.linear_model"]:
        importlib.import_module(module)  # what commands would import one by one
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # a fork whose garbage collector looks at what it has inherited copies all of it
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            line, _ = server.accept()
            if os.fork() == 0:  # stays to wait for the fork that works, so that several may work at once
                server.close()
                _answer(line, run_command_line)
                os._exit(0)
            line.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _answer(line: socket.socket, run: Callable[[list[str]], int]) -> None:
    size, streams, _, _ = socket.recv_fds(line, 8, 3)
    message = b""
    while len(message) < int.from_bytes(size, "big"):
        part = line.recv(1 << 16)
        if not part:
            return  # whoever called is gone
        message += part
    name, arguments, environment, folder = json.loads(message)
    child = os.fork()
    if child == 0:
        line.close()
        work = _blocks if name == "blocks" else lambda: run(arguments)
        sys.argv = [name, *arguments]
        os._exit(_work(work, environment, folder, streams))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    line.sendall(bytes([status if status >= 0 else 128 - status]))


def _work(work: Callable[[], int], environment: dict[str, str], folder: str, streams: list[int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    site.addsitedir(environment["PAGE_PACKAGES"])  # what the page has installed
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _blocks() -> int:
    """Reads one JSON object a line (`code`, `file`, `added`), runs it, answers with its output and its error."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    sys.path.insert(0, "")
    for request in sys.stdin:
        block = json.loads(request)
        output, error = io.StringIO(), ""
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), _added(block["added"]):
            try:
                exec(compile(block["code"], block["file"], "exec"), namespace)
            except Exception:
                error = traceback.format_exc()
        sys.__stdout__.write(json.dumps({"output": output.getvalue(), "error": error}) + "\n")
        sys.__stdout__.flush()
    return 0


@contextlib.contextmanager
def _added(added: dict[str, list[str]]):
    """`gantk.run` and `gantk.resume` with more overrides, as the page's directives say."""
    from gantk.api import run as api

    before = {name: getattr(api, name) for name in ("run", "resume")}

    def with_more(name: str):
        def call(first, overrides=(), **more):
            words = (
                [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
                if isinstance(overrides, dict)
                else list(overrides)
            )
            return before[name](first, [*words, *added.get(name, [])], **more)

        return call

    for name in before:
        setattr(api, name, with_more(name))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(api, name, function)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    serve(str(Path(sys.argv[1])))
