"""A PostgreSQL server of a test's own: Debian's programs, a temporary folder, a free port of the loopback interface."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def programs() -> Path:
    """The folder of initdb and pg_ctl; skips the test where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1].parent


@contextmanager
def server() -> Iterator[str]:
    """Runs a server, and gives its address. It refuses to run as root, so then it is the user nobody who does."""
    where = programs()
    with TemporaryDirectory(prefix="gantk-postgresql-") as temporary:
        yield from _serve(where, Path(temporary))


def _serve(where: Path, folder: Path) -> Iterator[str]:
    user = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *words: str) -> None:
        done = subprocess.run(
            [str(where / program), *words], cwd=folder, capture_output=True, text=True, check=False, **user
        )
        assert done.returncode == 0, f"{program}: {done.stdout}\n{done.stderr}"

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "gantk", "-A", "trust")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    with (folder / "log").open("w") as log:
        if user:
            os.chown(folder / "log", user["user"], user["group"])
        subprocess.run(
            [str(where / "pg_ctl"), "-D", data, "-w", "-o", options, "-l", str(folder / "server.log"), "start"],
            cwd=folder,
            stdout=log,
            stderr=log,
            check=True,
            **user,
        )
    try:
        yield f"postgresql+psycopg2://gantk@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
