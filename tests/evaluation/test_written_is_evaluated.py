"""What `gantk sample` writes, `gantk evaluate` judges: every data set and layout in every format."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from gantk_cells.stack import stack
from PIL import Image

from gantk.components import construct, format_for
from gantk.components.registry import installed_registry
from gantk.data import generated, take
from gantk.errors import DoesNotFit, GantkError
from gantk.evaluation import sample_files
from gantk.evaluation.results import Entry
from gantk.interfaces import Dataset, Samples

METRIC = {"use": "basics/diversity", "samples": 6}
Made = Callable[[Path], dict[str, Any]]


def images(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    for name in ("A", "B"):
        (folder / "classes" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8)).save(folder / "classes" / name / f"{i}.png")
    return {"use": "cells/lin", "root": str(folder / "classes"), "test": 0.4}


def deep_images(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    (folder / "own").mkdir()
    for i in range(10):
        pixels = rng.integers(100, 4000, (3, 8, 12), np.uint16)
        tifffile.imwrite(folder / "own" / f"{i}.tif", pixels, photometric="minisblack", imagej=True)
    return {"use": "cells/stacks", "root": str(folder / "own"), "background": "1%", "white": "99.9%", "test": 0.4}


def two_folders(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for name in ("A", "B"):
        (folder / "two" / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 4000, (16, 24), np.uint16)
            Image.fromarray(pixels).save(folder / "two" / name / f"{i}.png")
    return str(folder / "two")


def table(folder: Path) -> str:
    rng = np.random.default_rng(0)
    lines = ["sequence,kind,mark"]
    for i in range(60):
        letters = "".join(rng.choice(list("ACGT"), 12))
        lines.append(f"{letters},{'ab'[i % 2]},{''.join(rng.choice(list('01'), 12))}")
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "own.csv")


def idx_files(folder: Path) -> str:
    rng = np.random.default_rng(0)
    arrays = {
        "images-idx3": rng.integers(0, 256, (60, 12, 10), np.uint8),
        "labels-idx1": np.arange(60, dtype=np.uint8) % 10,
    }
    for kind, array in arrays.items():
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (folder / f"t10k-{kind}-ubyte").write_bytes(head + array.tobytes())
    return str(folder)


def genome(folder: Path) -> str:
    letters = "".join(np.random.default_rng(0).choice(list("ACGT"), 6000))
    (folder / "own.fa").write_text(f">one\n{letters}\n")
    return str(folder / "own.fa")


def expression(folder: Path) -> str:
    counts = np.random.default_rng(0).poisson(3, (60, 8))
    lines = ["cell,type," + ",".join(f"GENE{i}" for i in range(8))]
    lines += [f"c{at},{'ab'[at % 2]},{','.join(map(str, row))}" for at, row in enumerate(counts)]
    (folder / "counts.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "counts.csv")


GENES = {"genes": 20, "samples": 100, "held_out": 100, "types": 2, "rarest": 0.3, "transform": []}
EXPRESSION = {"use": "expression/table", "numbers": "counts"}
SIMULATED = {"use": "cells/simulated", "cells": 8, "test_cells": 3, "proteins": ["Arp3", "Mkh1"]}
SEQUENCES = {"use": "dna/sequences", "length": 12}
FEW = {"size": 100, "held_out": 100}
DATA: dict[str, Made] = {
    "digits": lambda folder: {"use": "basics/digits"},
    "stacked digits": lambda folder: {"use": "basics/stacked_mnist", "root": idx_files(folder), **FEW},
    "folder of images": lambda folder: {"use": "basics/images", "root": images(folder)["root"], "test": 0.4},
    "ring": lambda folder: {"use": "basics/ring", "samples": 100},
    "mixture": lambda folder: {"use": "basics/mixture", "samples": 100},
    "strings": lambda folder: {"use": "motif/strings", "length": 20, "motif": "1100", "samples": 100},
    "planted": lambda folder: {"use": "dna/planted", "length": 20, "motif": "ACGTA", "samples": 100},
    "sequences": lambda folder: {**SEQUENCES, "path": table(folder)},
    "sequences of classes": lambda folder: {**SEQUENCES, "path": table(folder), "label": "kind"},
    "annotated sequences": lambda folder: {**SEQUENCES, "path": table(folder), "annotation": "mark"},
    "expression": lambda folder: {**EXPRESSION, "path": expression(folder), "label": "type"},
    "simulated expression": lambda folder: {"use": "expression/simulated", **GENES},
    "genome": lambda folder: {"use": "dna/genome", "path": genome(folder), "length": 20, "block": 100},
    "images in pairs": lambda folder: {**images(folder), "layout": "pairs"},
    "images per class": lambda folder: {**images(folder), "layout": "per_class"},
    "images in stacks": lambda folder: {**images(folder), "layout": "composite"},
    "grey images": lambda folder: {**images(folder), "channels": [1]},
    "images of three channels": lambda folder: {**images(folder), "channels": [0, 1, 2]},
    "stacks": lambda folder: {**deep_images(folder), "layout": "composite"},
    "pairs of a stack": lambda folder: {**deep_images(folder), "layout": "per_class"},
    "pairs of stacks, each hidden but for one": lambda folder: {
        **deep_images(folder),
        "layout": "per_class",
        "hide": "alternate",
    },
    "pictures from pictures": lambda folder: {"use": "cells/paired", "root": two_folders(folder), "size": 8},
    "two domains": lambda folder: {"use": "cells/unpaired", "root": two_folders(folder), "size": 8},
    "two stainings": lambda folder: {"use": "cells/stainings", "cells": 12, "test_cells": 6, "height": 8, "width": 12},
    "simulated pairs": lambda folder: {**SIMULATED, "layout": "pairs"},
    "simulated per class": lambda folder: {**SIMULATED, "layout": "per_class"},
    "simulated stacks": lambda folder: {**SIMULATED, "layout": "composite"},
}
UNDONE = "its z values are undone where they are written: tests/plugins/expression/test_perturbation.py"
WITHOUT = {
    "basics/mnist": "its samples are those of basics/digits",
    "expression/pairs": UNDONE,
    "expression/simulated_perturbation": UNDONE,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(cache))  # cells are simulated once


def built(block: dict[str, Any]) -> dict[str, Dataset]:
    return {split: construct.component("dataset", block, split=split) for split in ("train", "test")}


def forms(data: Dataset) -> dict[str, Samples]:
    """Samples as a critic sees them, and as a net that draws complete cells writes them."""
    real = take(data, 8)
    made = generated(real.samples, data.spec, latent_seed=1)
    made.labels = real.labels
    found = {"as trained on": made}
    if made.spec.unit_axes == 1 and made.spec.own_shape[0] == 2:
        pairs = made.samples.clone()
        pairs[:, :, 0] = pairs[:, :1, 0]
        found["one red for all"] = replace(made, samples=pairs)
        found["stack"] = stack(found["one red for all"])
    return found


def in_one_form(samples: Samples, like: Samples) -> torch.Tensor:
    """Samples as those of another file have them: pairs of one cell may have been written as a stack."""
    return (samples if samples.spec.shape == like.spec.shape else stack(samples)).samples


@pytest.mark.parametrize("name", DATA)
def test_every_layout_in_every_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = built(DATA[name](tmp_path))
    entries = [Entry("diversity", construct.component("metric", METRIC), None, {})]
    written = 0
    for form, made in forms(data["train"]).items():
        for component in installed_registry().of_kind("format"):
            writer = construct.component("format", {"use": component.full})
            for ending in writer.endings:
                path, again = tmp_path / f"made{ending}", tmp_path / f"again{ending}"
                try:
                    writer.write(path, made)
                except DoesNotFit:
                    continue  # it says that it does not take such samples
                what = f"{form} in {component.full}, {ending}"
                back = format_for(path).read(path)
                if name == "annotated sequences" and component.full == "dna/fasta":  # FASTA has no place for it
                    assert torch.equal(back.samples, made.samples[:, :4])
                    with pytest.raises(DoesNotFit, match=r"\(4, 12\) with data of \(5, 12\)"):
                        sample_files.evaluate_samples(back, sample_files.Reference(entries, data, 0))
                    continue
                expected = in_one_form(made, back)
                assert back.samples.shape == expected.shape, what
                step = 1.01 / 255 if back.spec.range is not None and not back.spec.categorical else 0
                assert (back.samples - expected).abs().max() <= step, what
                if component.full in ("basics/hdf5", "cells/ome_tiff"):  # text keeps names of classes
                    assert (back.labels is None) == (made.labels is None), what
                    assert made.labels is None or torch.equal(back.labels, made.labels), what
                writer.write(again, back)
                assert torch.equal(format_for(again).read(again).samples, back.samples), what
                results = sample_files.evaluate_samples(back, sample_files.Reference(entries, data, 0))
                assert "diversity" in results, what
                written += 1
    assert written >= 2  # HDF5 takes everything, under two endings


def test_no_data_set_is_forgotten(tmp_path: Path) -> None:
    tried = set()
    for number, make in enumerate(DATA.values()):
        (tmp_path / str(number)).mkdir()
        tried.add(make(tmp_path / str(number))["use"])
    assert {each.full for each in installed_registry().of_kind("dataset")} - set(WITHOUT) <= tried


def test_stacks_beside_a_recipe_of_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The command: a star-shaped net's default sample file is judged as its run is."""
    from gantk.cli import run_command_line

    monkeypatch.chdir(tmp_path)
    block = {**deep_images(tmp_path), "layout": "per_class"}
    recipe = {
        "data": block,
        "generator": {"use": "cells/starshaped", "latent": 4},
        "critic": {"use": "cells/per_class"},
        "loss": {"use": "basics/gan"},
        "train": {"steps": 1, "batch": 2},
        "evaluate": [{"use": "basics/diversity", "samples": 8}],
    }
    Path("own.yaml").write_text(json.dumps(recipe))
    made = forms(built(block)["train"])["stack"]
    for path in (Path("made.ome.tif"), Path("made.h5")):
        format_for(path, made.spec).write(path, made)
        assert run_command_line(["evaluate", str(path), "--data", "own.yaml"]) == 0
        assert "diversity." in capsys.readouterr().out
    odd = replace(made, samples=made.samples[:, :2], spec=replace(made.spec, shape=(2, 8, 12), names={}))
    format_for(Path("odd.h5"), odd.spec).write(Path("odd.h5"), odd)
    assert run_command_line(["evaluate", "odd.h5", "--data", "own.yaml"]) == 1
    assert "cannot compare samples of (2, 8, 12) with data of (2, 2, 8, 12)" in capsys.readouterr().err


def test_samples_without_a_range_keep_their_values(tmp_path: Path) -> None:
    spec = replace(built({"use": "basics/digits"})["train"].spec, range=None)
    made = Samples(samples=torch.linspace(-3, 90, 2 * 64).reshape(2, 1, 8, 8), spec=spec)
    path = tmp_path / "a.ome.tif"
    format_for(path).write(path, made)
    back = format_for(path).read(path)
    torch.testing.assert_close(back.samples, made.samples, atol=93 / 255 / 2 + 1e-3, rtol=0)


def test_a_png_says_what_to_write_instead(tmp_path: Path) -> None:
    made = take(built({"use": "basics/digits"})["train"], 2)
    with pytest.raises(GantkError, match=r"made\.ome\.tif or made\.h5"):
        format_for(Path("made.png")).write(Path("made.png"), made)
