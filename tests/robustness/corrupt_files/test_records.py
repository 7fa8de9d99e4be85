"""Damaged records of a run: every command that reads them says which file it is, or does without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.damage import run

DAMAGE = {
    "empty": b"",
    "binary": b"\xff\xfe\x00\x01" * 40,
    "cut": None,
    "other": b"[7]\n",
    "deep": b"[" * 60_000,
}
RECORDS = ["resolved.yaml", "metrics.jsonl", "env.json", "origins.json", "evaluation.json", "history.jsonl"]
READERS = [["view", "--curves", "-o", "x.png", "--force"], ["compare"]]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("record", RECORDS)
def test_no_command_falls_over_a_damaged_record(
    record: str, damage: str, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = broken / record
    content = DAMAGE[damage]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    for command in READERS:
        assert_told(command, broken, capsys)


def assert_told(command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, *options = command
    code = run([name, str(folder), *options])
    out, err = capsys.readouterr()
    assert code in (0, 1, 2), (name, out, err)
    assert "Traceback" not in err
    if code:
        assert folder.name in err or "resolved.yaml" in err, (name, err)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["empty", "binary"])
@pytest.mark.parametrize("record", RECORDS)
def test_resume_does_not_fall_over_a_damaged_record(
    record: str, damage: str, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (broken / record).write_bytes(DAMAGE[damage] or b"")
    assert_told(["resume"], broken, capsys)


@pytest.mark.parametrize("damage", ["empty", "binary", "other"])
def test_a_damaged_resolved_recipe_is_named(damage: str, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken / "resolved.yaml").write_bytes(DAMAGE[damage] or b"")
    assert run(["resume", str(broken)]) in (1, 2)
    assert "broken" in capsys.readouterr().err
