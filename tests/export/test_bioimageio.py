"""`gantk export … -o NAME.bioimageio.zip`: bioimageio.core alone makes of raw pictures what `gantk translate` makes."""

from __future__ import annotations

import gc
import socket
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gantk_basics.exporters import bioimageio
from gantk_basics.exporters.bioimageio import export_bioimageio, scaling
from numpy.typing import NDArray
from PIL import Image

import gantk
from gantk.api.model import Model
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, GantkError
from gantk.export.citations import cited, fields_of
from gantk.export.exported import ExportRequest, exported
from gantk.interfaces import ExportedModel
from tests.helpers.paired_run import paired_run

RNG = np.random.default_rng(0)
LEFT_OPEN = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""bioimageio.spec leaves the files that it reads for the garbage collector to close."""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of 16 bits, trained for two steps: phase and z to dapi; a pixel is 0.1 micrometres."""
    return paired_run(tmp_path_factory.mktemp("translator"), ", pixel_size_um: 0.1")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without network; afterwards what bioimageio.spec left open is closed."""

    def refuse(*_: Any) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    gc.collect()


def saying(path: Path, attributes: dict[str, Any]) -> ExportedModel:
    """A model whose data set says something else of its pixel values."""
    model = Model(path, "cpu")
    model.spec = replace(model.spec, attributes=attributes)
    return exported(model, path)


def test_a_missing_library_is_named(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "bioimageio.core", None)
    assert run_command_line(["export", str(pairs), "-o", str(tmp_path / "net.bioimageio.zip")]) == 2
    assert "pip install 'gantk[bioimageio]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_cannot_leave_says_why(tiny: Path, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gantk.run(tiny, ["train.steps=2", "train.sample_every=null", "evaluate=[]"], out="ring", quiet=True)
    assert run_command_line(["export", "ring", "-o", "net.bioimageio.zip"]) == 1
    assert "does not translate pictures" in capsys.readouterr().err
    assert run_command_line(["export", str(pairs), "-o", "net.bioimageio.zip", "--to", "dapi"]) == 1
    assert "translates in one direction" in capsys.readouterr().err
    assert run_command_line(["export", str(pairs), "-o", "net.onnx", "--to", "dapi"]) == 2
    assert "--to is for packages of one direction" in capsys.readouterr().err
    unknown = saying(pairs, {})
    with pytest.raises(DoesNotFit, match="does not know what pixel values mean"):
        unknown.translator()
    sides = {
        side: [{"name": name, "low": 5.0, "high": 5.0} for name in names]
        for side, names in (("condition", ("phase", "z")), ("target", ("dapi",)))
    }
    flat = saying(pairs, {"normalisation": sides})
    with pytest.raises(DoesNotFit, match=r"scale linearly: the pixel values of phase go from 5 to 5"):
        flat.translator()
    assert not list(Path().glob("net*"))


def test_gains_and_offsets() -> None:
    low, high = (100.0, -3.0), (300.0, 5.0)
    for (gain, offset), dark, bright in zip(scaling(low, high, (-1.0, 1.0)), low, high, strict=True):
        assert dark * gain + offset == pytest.approx(-1.0)
        assert bright * gain + offset == pytest.approx(1.0)


def test_a_card_names_authors_and_licence(pairs: Path) -> None:
    card = exported(Model(pairs, "cpu"), pairs, ExportRequest(authors=("Ada", "Grace"), licence="CC-BY-4.0")).card
    assert "license: CC-BY-4.0\n---\n" in card
    assert "Authors: Ada, Grace." in card and "Licence of the model: CC-BY-4.0." in card


@pytest.mark.parametrize("name", ["phase_l1", "phase_pix2pix", "cells_cyclegan"])
def test_every_paper_of_a_translator_has_a_doi(name: str) -> None:
    entries = [fields_of(entry) for entry in cited(gantk.load_recipe(name))]
    assert len(entries) > 3
    for fields in entries[1:]:  # the first is gantk
        assert bioimageio._cited(fields)["doi"].startswith("10."), fields


def unpacked(package: Path) -> Path:
    """The description in a package, unpacked beside it, since bioimageio.core leaves archives open."""
    folder = package.with_suffix("")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder / "rdf.yaml"


def predicted(described: Path, raw: NDArray[Any], blocks: int | None = None) -> NDArray[np.float32]:
    """What bioimageio.core makes of a raw picture (C, H, W), by default or in blocks: (C', H, W)."""
    import bioimageio.core as core

    made = core.predict(model=described, inputs={"condition": raw[None].copy()}, blocksize_parameter=blocks)
    return np.asarray(made.members["samples"].data)[0]


def predicted_whole(described: Path, raw: NDArray[Any]) -> NDArray[np.float32]:
    """What bioimageio.core makes of a raw picture (C, H, W) without a halo round it: (C', H, W)."""
    import bioimageio.core as core

    model = core.load_model_description(described)
    sample = core.digest_spec.create_sample_for_model(model, inputs={"condition": raw[None].copy()})
    with core.create_prediction_pipeline(model) as pipeline:
        made = pipeline.predict_sample_without_blocking(sample, skip_input_padding=True, skip_output_cropping=True)
    return np.asarray(made.members["samples"].data)[0]


@pytest.mark.long
@LEFT_OPEN
def test_a_package_of_pairs(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], offline: None
) -> None:
    core = pytest.importorskip("bioimageio.core")
    monkeypatch.chdir(tmp_path)
    out = Path("dapi.bioimageio.zip")
    words = ["--author", "Ada Lovelace", "--licence", "CC-BY-4.0"]
    assert run_command_line(["export", str(pairs), "-o", str(out), *words]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n" and "its test passes" in said.err and "before you pass it on" not in said.err
    there = unpacked(out)
    assert core.test_model(there).status == "passed"

    described = core.load_model_description(there)
    given, made = described.inputs[0], described.outputs[0]
    assert [axis.id for axis in given.axes] == ["batch", "channel", "y", "x"]
    assert given.axes[1].channel_names == ["phase", "z"] and made.axes[1].channel_names == ["dapi"]
    net = gantk.load(pairs, "cpu")
    halo = made.axes[2].halo
    assert halo % 4 == 0 and halo >= net.generator.receptive_field // 2
    assert given.axes[2].size.step == 4 and given.axes[2].size.min == 2 * halo + 4
    assert given.axes[3].unit == "micrometer" and given.axes[3].scale == pytest.approx(0.1)
    assert [each.name for each in described.authors] == ["Ada Lovelace"] and described.license == "CC-BY-4.0"
    assert any("Isola" in each.text for each in described.cite)
    assert described.config.gantk["step"] == 2
    readme = described.documentation.get_reader().read().decode()
    assert "within" in readme and f"halo of {halo} pixels" in readme and "0.1 µm a pixel" in readme

    raw = RNG.integers(0, 65535, (2, 72, 100)).astype(np.uint16)
    own = net.translate(raw)
    side = net.spec.attributes["normalisation"]["target"][0]
    width = side["high"] - side["low"]
    assert np.abs(predicted_whole(there, raw) - own).max() < 1e-6 * width
    reach = net.generator.receptive_field // 2
    by_default, in_blocks = predicted(there, raw), predicted(there, raw, blocks=3)
    inside = np.s_[:, reach:-reach, reach:-reach]
    for made_there in (by_default, in_blocks):
        assert np.abs(made_there - own)[inside].max() < 1e-6 * width
        assert np.abs(made_there - own).max() > 1e-4 * width  # they lay a halo round the picture


@pytest.mark.long
@LEFT_OPEN
def test_a_package_of_two_domains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], offline: None
) -> None:
    """Instance normalisation: whole pictures, either way, which are clipped to the range; one net of both leaves."""
    onnx = pytest.importorskip("onnx")
    core = pytest.importorskip("bioimageio.core")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    short = ["train.steps=2", "train.batch=2", "train.sample_every=null", "evaluate=[]", "critic.width=4"]
    cells = ["generator.width=4", "data.cells=24", "data.test_cells=6"]
    gantk.run("cells_cyclegan", [*short, *cells], out="run", quiet=True)
    net = gantk.load("run", "cpu")
    raw = RNG.integers(-40, 300, (1, 60, 44)).astype(np.float32)
    made = {}
    for to in ("absorption", "fluorescence"):
        out = Path(f"{to}.bioimageio.zip")
        assert run_command_line(["export", "run", "-o", str(out), "--to", to, "--force"]) == 0
        assert "before you pass it on, say whose it is: --author and --licence" in capsys.readouterr().err
        there = unpacked(out)
        described = core.load_model_description(there)
        assert described.outputs[0].axes[1].channel_names == [to]
        assert not hasattr(described.outputs[0].axes[2], "halo")
        weights = onnx.load_from_string(described.weights.onnx.get_reader().read()).graph.initializer
        total = sum(int(np.prod(each.dims)) for each in weights)
        assert total < 0.6 * sum(each.numel() for each in net.generator.parameters())
        made[to] = predicted(there, raw)
        assert np.abs(made[to] - net.translate(raw, to=to)).max() < 1e-5 * 255
    assert np.abs(made["absorption"] - made["fluorescence"]).max() > 1


@pytest.mark.long
@LEFT_OPEN
def test_a_package_that_makes_other_pictures_is_not_kept(pairs: Path, tmp_path: Path, offline: None) -> None:
    pytest.importorskip("bioimageio.core")
    model = exported(Model(pairs, "cpu"), pairs)
    right = model.translator()
    wrong = replace(right, translate=lambda array: right.translate(array) * 1.05)
    with pytest.raises(DoesNotFit, match="no file was kept"):
        export_bioimageio(replace(model, translator=lambda: wrong), tmp_path / "net.bioimageio.zip")
    with pytest.raises(GantkError, match=r"'CCBY' is no identifier of a licence"):
        export_bioimageio(replace(model, licence="CCBY"), tmp_path / "net.bioimageio.zip")
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@LEFT_OPEN
def test_a_raw_field_of_phase_contrast(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    """The file of `gantk translate` and bioimageio.core alone, on a real field of 16 bits: equal but for rounding."""
    pytest.importorskip("bioimageio.core")
    monkeypatch.chdir(tmp_path)
    fields = test_data / "microscopy" / "phase"
    short = ["train.steps=20", "train.sample_every=null", "evaluate=[]", "generator.width=8"]
    gantk.run("phase_l1", [f"data.root={fields}", *short], out="run", quiet=True)
    assert run_command_line(["export", "run", "-o", "dapi.bioimageio.zip", "-q"]) == 0
    assert run_command_line(["translate", "run", str(fields), "-o", "made", "-q"]) == 0
    own = np.asarray(Image.open(next(Path("made").iterdir()), formats=["PNG"]))
    raw = np.stack([np.asarray(Image.open(fields / f"phase_z{z}.png", formats=["PNG"])) for z in ("02", "06", "10")])
    there = unpacked(Path("dapi.bioimageio.zip"))
    theirs = predicted_whole(there, raw)[0]
    assert own.dtype == np.uint16 and own.shape == theirs.shape == (1024, 1024)
    assert np.abs(np.clip(theirs.round(), 0, 65535) - own).max() <= 1
    reach = gantk.load("run", "cpu").generator.receptive_field // 2
    by_default = predicted(there, raw)[0]
    inside = np.s_[reach:-reach, reach:-reach]
    assert np.abs(np.clip(by_default.round(), 0, 65535) - own)[inside].max() <= 1
