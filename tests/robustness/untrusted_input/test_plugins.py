"""Plugins are code by nature: one that is disabled is not imported, and `doctor` says whose code each is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.damage import run
from tests.helpers.forks import run_forked


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with an installed distribution whose plugin writes a file when it is imported."""
    site = tmp_path / "site"
    about = site / "evil_gan-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-gan\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text("[gantk]\nevil = evil_gan.plugin\n")
    package = site / "evil_gan"
    package.mkdir()
    wrote = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).write_text('x')\n"
    (package / "__init__.py").write_text(wrote)
    (package / "plugin.py").write_text(wrote)
    return site


@pytest.mark.slow
@pytest.mark.parametrize(("disabled", "ran"), [("", True), ("evil", False), ("other, evil", False)])
def test_a_disabled_plugin_is_not_imported(
    disabled: str, ran: bool, installed: Path, forks: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"GANTK_DISABLE_PLUGINS": disabled}
    for command in (["list"], ["validate", "toy_motif"]):
        done = run_forked(forks, command, tmp_path, environment, installed)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran").exists() is ran


def test_a_disabled_plugin_is_not_imported_by_the_registry(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import distributions

    from gantk.components.registry import Registry

    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("GANTK_DISABLE_PLUGINS", "evil")
    points = [point for each in distributions(path=[str(installed)]) for point in each.entry_points]
    found = Registry(points)
    assert [(plugin.name, plugin.distribution, plugin.version, plugin.state) for plugin in found.plugins] == [
        ("evil", "evil-gan", "1.2", "disabled")
    ]
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_doctor_says_whose_code_each_plugin_is(capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name in ("basics", "cells", "dna", "motif"):
        assert any(line[:2] == [name, "gantk"] for line in lines)
