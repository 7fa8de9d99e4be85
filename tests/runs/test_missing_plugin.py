"""A checkpoint that was made with a plugin that is gone says what to install."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gantk
from gantk.cli import run_command_line
from gantk.files import hdf5
from gantk.training.checkpoint import MAGIC
from tests.helpers.damage import resealed


def with_a_strangers_loss(file: object) -> None:
    recipe = hdf5.read_string(file, "recipe").replace("use: basics/gan", "use: acme/counting")
    assert "acme/counting" in recipe
    hdf5.write_string(file, "recipe", recipe)
    plugins = json.loads(hdf5.read_string(file, "plugins"))
    hdf5.write_string(file, "plugins", json.dumps(plugins | {"acme": "acme-gan 1.2"}))


def test_it_names_the_distribution_and_its_version(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, {"train.steps": 2, "evaluate": []}, out="run", quiet=True)
    resealed(run.folder.last_checkpoint(), MAGIC, with_a_strangers_loss)
    resolved = run.path / "resolved.yaml"
    resolved.write_text(resolved.read_text().replace("use: basics/gan", "use: acme/counting"))
    env = json.loads((run.path / "env.json").read_text())
    env["plugins"]["acme"] = "acme-gan 1.2"
    (run.path / "env.json").write_text(json.dumps(env))
    for command in (["sample", "run"], ["evaluate", "run"], ["resume", "run", "train.steps=3"]):
        assert run_command_line(command) == 2
        assert "was made with the plugin 'acme' (acme-gan 1.2)" in capsys.readouterr().err
