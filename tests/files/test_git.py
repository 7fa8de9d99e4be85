"""The commit of a folder is read without git, whose programs a folder's own configuration may name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import gantk
from gantk.files.git import commit_of


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_it_is_what_git_says_on_a_branch_packed_detached_and_in_a_linked_work_tree(repository: Path) -> None:
    expected = git(repository, "rev-parse", "HEAD")
    (repository / "below").mkdir()
    assert commit_of(repository) == commit_of(repository / "below") == expected
    git(repository, "pack-refs", "--all")
    assert commit_of(repository) == expected
    git(repository, "worktree", "add", "-q", str(repository.parent / "linked"), "-b", "other/branch")
    assert commit_of(repository.parent / "linked") == expected
    git(repository, "checkout", "-q", "--detach")
    assert commit_of(repository) == expected


@pytest.mark.parametrize("head", ["ref: ../../../etc/passwd", "ref: refs/../../x", "", "zzz", "ref: refs/heads/gone"])
def test_what_is_odd_is_none(head: str, repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text(head)
    assert commit_of(repository) is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(repository: Path) -> None:
    (repository / ".git" / "HEAD").unlink()
    os.mkfifo(repository / ".git" / "HEAD")
    assert commit_of(repository) is None


def test_no_folder_of_git_is_none(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


def test_a_run_obeys_no_configuration_of_the_folder_it_starts_in(repository: Path, tiny: Path, monkeypatch) -> None:
    script = repository / "hostile.sh"
    script.write_text("#!/bin/sh\ntouch executed\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "filter.x.clean"):
        git(repository, "config", key, str(script))
    (repository / ".gitattributes").write_text("* filter=x\n")
    (repository / "a.txt").write_text("changed")
    (repository / "tiny.yaml").write_text(tiny.read_text())
    monkeypatch.chdir(repository)
    expected = commit_of(repository)
    run = gantk.run("tiny.yaml", {"train.steps": 1, "evaluate": []}, out="made", quiet=True)
    gantk.resume(run.path, {"train.steps": 2}, quiet=True)
    assert not (repository / "executed").exists()
    assert expected is not None and expected in (run.path / "env.json").read_text()
