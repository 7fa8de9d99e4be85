"""Tries the blocks of one document, from top to bottom, in one folder and one virtual environment of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from venv import EnvBuilder

import yaml

from tests.helpers import forks
from tests.helpers.documents import LANGUAGES, Block

SECONDS = 300  # that one block may take; machines differ
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")


class Wrong(AssertionError):
    """A block that does not do what the document says."""


class Page:
    """A folder to try a document in.

    Args:
        folder: empty.
        socket: where `forks.py` listens.
        cache: what GANTK_CACHE says; pages may share it.
    """

    def __init__(self, folder: Path, socket: Path, cache: Path):
        self.folder = folder / "work"
        self.folder.mkdir()
        self.where = folder / "where"  # the shell's folder: `cd` holds for the blocks that follow
        self.where.write_text(str(self.folder))
        venv = folder / "venv"
        EnvBuilder(symlinks=True).create(venv)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv)}))
        outer = sysconfig.get_path("purelib")
        (packages / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
        for name in ("gantk", "blocks"):
            shim = venv / "bin" / name
            shim.write_text(forks.SHIM.format(python=sys.executable, socket=str(socket), name=name))
            shim.chmod(0o755)
        for name, module in (("pip", "pip"), ("pytest", "pytest")):
            script = venv / "bin" / name
            script.write_text(f'#!/bin/sh\nexec "{venv}/bin/python" -m {module} "$@"\n')
            script.chmod(0o755)
        self.environment = {
            "PATH": os.pathsep.join([str(venv / "bin"), os.environ["PATH"]]),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "COLUMNS": "160",
            "GANTK_CACHE": str(cache),
            "OMP_NUM_THREADS": "1",
            "PAGE_PACKAGES": str(packages),
            "PAGE_WHERE": str(self.where),
            "PYTEST_ADDOPTS": "-k 'light or documented or builds or gap'",  # all: tests/api/test_new_plugin.py
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip spells "no isolation"
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.output = ""  # of the last block that ran
        self.session: subprocess.Popen | None = None

    def try_block(self, block: Block, name: str) -> None:
        """One block.

        Raises:
            Wrong: it does not do what the document says.
        """
        if block.skip:
            self.output = ""
            return
        if block.language not in LANGUAGES:
            raise Wrong(f"no test for a block of '{block.language}': mark it `<!-- test: skip program -->`")
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language == "sh":
            self._shell(block)
        elif block.language == "bash":
            self._run(["bash", "-n", "-c", block.text])
        elif block.language == "python":
            if block.title:
                compile(block.text, block.title, "exec")
            else:
                self._python(block, name)
        elif block.language == "yaml":
            self._yaml(block)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
        elif self.output and not block.title:
            compare(block.text, self.output)

    def close(self) -> None:
        """Ends the Python session."""
        if self.session is not None and self.session.stdin and self.session.stdout:
            self.session.stdin.close()
            self.session.wait(SECONDS)
            self.session.stdout.close()

    def _shell(self, block: Block) -> None:
        functions = ""
        if block.added:
            cases = [
                f'{command}) command gantk "$@" {shlex.join(words)} ;;'
                for command, words in sorted(block.added.items())
            ]
            functions = f'gantk() {{ case "$1" in {" ".join(cases)} *) command gantk "$@" ;; esac; }}\n'
        remember = "trap 'pwd > \"$PAGE_WHERE\"' EXIT\n"
        script = remember + functions + block.text
        self._run(["bash", "-euo", "pipefail", "-c", script], block.exit_code, self.where.read_text().strip())

    def _run(self, command: list[str], exit_code: int = 0, folder: str = "") -> None:
        done = subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.output = done.stdout
        if done.returncode != exit_code:
            raise Wrong(f"exit code {done.returncode}, expected {exit_code}:\n{done.stdout}")

    def _python(self, block: Block, name: str) -> None:
        if self.session is None:
            self.session = subprocess.Popen(
                [Path(self.environment["PATH"].partition(os.pathsep)[0]) / "blocks"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        code = "\n" * block.line + block.text  # so that tracebacks name the line of the document
        self.session.stdin.write(json.dumps({"code": code, "file": name, "added": block.added}) + "\n")
        self.session.stdin.flush()
        answer = json.loads(self.session.stdout.readline())
        self.output = answer["output"]
        if answer["error"]:
            raise Wrong(answer["output"] + answer["error"])

    def _yaml(self, block: Block) -> None:
        values = yaml.safe_load(block.text)
        if isinstance(values, dict) and {"data", "critic", "loss"} <= values.keys():
            (self.folder / ".recipe.yaml").write_text(block.text, encoding="utf-8")
            self._run(["gantk", "validate", ".recipe.yaml"])


def compare(shown: str, output: str) -> None:
    """Whether output that a document shows is what came.

    Each line has to be found, in order; numbers may differ, `…` stands for anything, blanks do not count.

    Raises:
        Wrong: a line that did not come.
    """
    came = [_plain(line) for line in output.splitlines()]
    for line in shown.splitlines():
        parts = [re.escape(part) for part in re.split(r"\s*…\s*", _plain(line))]
        if not any(parts):
            continue
        pattern = re.compile(".*".join(parts))
        for number, each in enumerate(came):
            if pattern.fullmatch(each):
                came = came[number + 1 :]
                break
        else:
            raise Wrong(f"the document shows\n  {line}\nbut what came is\n{output}")


def _plain(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).split())
