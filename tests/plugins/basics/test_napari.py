"""napari opens gantk's sample files, checkpoints and run folders: asked through npe2, which needs no screen."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.napari_reader import get_reader, layers, read

import gantk
from gantk.spec import DataSpec
from tests.helpers.documents import ROOT

DEMO = ROOT / "recipes" / "demo.h5"


def drawn(samples: torch.Tensor, spec: DataSpec) -> gantk.Drawn:
    return gantk.Drawn(samples=samples, spec=spec)


def test_cells_are_a_layer_for_each_channel(tmp_path: Path) -> None:
    samples = gantk.load(DEMO).sample(3)
    samples.save(tmp_path / "cells.h5")
    reader = get_reader(str(tmp_path / "cells.h5"))
    assert reader is read
    found = read(str(tmp_path / "cells.h5"))
    names = list(samples.spec.names["channel"])
    assert [kind for _, _, kind in found] == ["image"] * len(names)
    for number, (values, about, _) in enumerate(found):
        np.testing.assert_array_equal(values, samples.numpy()[:, number])
        assert about["name"] == f"cells {names[number]}" and about["contrast_limits"] == [-1, 1]
        assert about["scale"] == [1, *[samples.spec.attributes["pixel_size_um"]] * 2]
        assert "simulated" in about["metadata"]["origin"]
    assert [about["colormap"] for _, about, _ in found[:2]] == ["red", "green"]


def test_a_checkpoint_is_drawn_from() -> None:
    reader = get_reader([str(DEMO)])
    assert reader is not None
    [first, *_] = reader(str(DEMO))
    assert first[0].shape[0] == 16 and first[1]["name"].startswith("demo ")


def test_letters_are_labels_points_points_and_colours_one_layer() -> None:
    spec = DataSpec((4, 3), ("letter", "position"), categorical=True, names={"letter": tuple("ACGT")})
    one_hot = torch.eye(4)[torch.tensor([[0, 3, 2]])].mT
    [(values, about, kind)] = layers(drawn(one_hot, spec), "dna")
    assert kind == "labels" and values.tolist() == [[1, 4, 3]] and about["metadata"]["labels"] == list("ACGT")
    [(values, _, kind)] = layers(drawn(torch.zeros(5, 2), DataSpec((2,), ("coordinate",), range=None)), "ring")
    assert kind == "points" and values.shape == (5, 2)
    [(values, _, kind)] = layers(drawn(torch.zeros(5, 7), DataSpec((7,), ("gene",), range=None)), "genes")
    assert kind == "image" and values.shape == (5, 7)
    spec = DataSpec((3, 2, 2), ("channel", "y", "x"), names={"channel": ("red", "green", "blue")})
    pixels = torch.linspace(-1, 1, 12).reshape(1, 3, 2, 2)
    [(values, about, kind)] = layers(drawn(pixels, spec), "photo")
    assert about["rgb"] and values.shape == (1, 2, 2, 3) and (values.min(), values.max()) == (0, 1)


def test_other_files_and_folders_are_left_to_others(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert get_reader(str(other)) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(DEMO), str(other)]) is None
    assert get_reader(str(tmp_path / "missing.h5")) is None
    assert get_reader([]) is None


def test_the_reader_imports_nothing_heavy() -> None:
    code = "import sys, gantk_basics.napari_reader; sys.exit(bool({'torch', 'numpy', 'h5py'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


OPENS = """
import json, sys
import npe2

npe2.PluginManager.instance().discover()
found = [[data.shape, about["name"], kind] for path in sys.argv[1:]
         for data, about, kind in npe2.read([path], stack=False, plugin_name="gantk")]
print(json.dumps([found, [name for name in ("torch", "napari") if name in sys.modules]]))
"""


@pytest.mark.long
def test_npe2_finds_the_manifest_and_opens_what_gantk_wrote(tiny: Path) -> None:
    if not importlib.util.find_spec("npe2"):
        pytest.skip("npe2 is not installed")
    for command in (["validate", "gantk"], ["validate", str(ROOT / "plugins" / "gantk_basics" / "napari.yaml")]):
        done = subprocess.run(
            [sys.executable, "-m", "npe2", *command], capture_output=True, text=True, check=False, env=environment()
        )
        assert done.returncode == 0 and "valid" in done.stdout.lower(), done.stdout + done.stderr
    run = gantk.run(tiny, ["evaluate=[]"])
    gantk.load(DEMO).sample(3).save("cells.h5")
    words = [sys.executable, "-c", OPENS, "cells.h5", str(run.path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    found, modules = json.loads(done.stdout)
    assert found[0] == [[3, 48, 80], "cells Bgs4", "image"] and len(found) == 8
    assert found[7] == [[16, 2], run.path.name, "points"]
    assert modules == ["torch"]  # and no screen


def environment() -> dict[str, str]:
    """Where npe2 lies, if it lies apart."""
    return {**os.environ, "PYTHONWARNINGS": "ignore"}
