"""OME-TIFF: what we write is read by tifffile as OME, and by ourselves to the same samples."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.files.ome_tiff import OmeTiff
from gantk_cells.stack import stack

from gantk.cli import run_command_line
from gantk.data import generated, take
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec

SMALL = {"cells": 20, "test_cells": 6, "proteins": ["Arp3", "Mkh1", "Tea1"]}
OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


def described(path: Path) -> tuple[dict[str, str], list[str]]:
    """Attributes of Pixels, names of channels."""
    with tifffile.TiffFile(path) as file:
        assert file.is_ome
        root = ElementTree.fromstring(file.ome_metadata)
    pixels = next(root.iter(OME + "Pixels"))
    return dict(pixels.attrib), [channel.get("Name") for channel in pixels.iter(OME + "Channel")]


@pytest.mark.parametrize("bits", [8, 16])
def test_stack_of_one_cell(tmp_path: Path, bits: int) -> None:
    samples = take(Simulated("test", layout="per_class", **SMALL), 4)
    samples.samples[:, :, 0] = samples.samples[:, :1, 0]
    made = generated(samples.samples, samples.spec, latent_seed=3, step=10)
    path = tmp_path / "cells.ome.tif"
    OmeTiff(bits=bits).write(path, made)

    pixels, channels = described(path)
    assert channels == ["Bgs4", "Arp3", "Mkh1", "Tea1"]
    assert pixels["Type"] == f"uint{bits}" and pixels["SizeC"] == "4" and pixels["SizeT"] == "4"
    assert pixels["PhysicalSizeX"] == pixels["PhysicalSizeY"] == "0.1" and pixels["PhysicalSizeXUnit"] == "µm"
    stored = tifffile.imread(path)
    expected = (stack(made).samples.numpy() + 1) / 2 * (2**bits - 1)
    assert stored.shape == (4, 4, 48, 80) and np.abs(stored - expected).max() <= 0.51

    back = OmeTiff().read(path)
    assert back.spec == stack(made).spec and back.attributes == made.attributes
    torch.testing.assert_close(back.samples, stack(made).samples, atol=1.01 / (2**bits - 1), rtol=0)


def test_pairs_keep_their_labels(tmp_path: Path) -> None:
    samples = take(Simulated("test", **SMALL), 5)
    OmeTiff().write(tmp_path / "pairs.ome.tiff", samples)
    assert described(tmp_path / "pairs.ome.tiff")[1] == ["Bgs4", "protein"]
    back = OmeTiff().read(tmp_path / "pairs.ome.tiff")
    assert torch.equal(back.labels, samples.labels) and back.spec == samples.spec
    torch.testing.assert_close(back.samples, samples.samples, atol=1e-6, rtol=0)


def test_pairs_of_different_cells_are_not_stacked(tmp_path: Path) -> None:
    samples = take(Simulated("test", layout="per_class", **SMALL), 1)  # and a single cell
    OmeTiff().write(tmp_path / "real.ome.tif", samples)
    names = described(tmp_path / "real.ome.tif")[1]
    assert names == [f"{name} {channel}" for name in SMALL["proteins"] for channel in ("Bgs4", "protein")]
    back = OmeTiff().read(tmp_path / "real.ome.tif")
    assert back.spec == samples.spec
    torch.testing.assert_close(back.samples, samples.samples, atol=1e-6, rtol=0)


def test_a_file_of_another_program(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (2, 3, 10, 12), np.uint16)
    metadata = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}, "PhysicalSizeX": 0.25}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, ome=True, photometric="minisblack", metadata=metadata)
    samples = OmeTiff().read(tmp_path / "a.ome.tif")
    assert samples.samples.shape == (3, 2, 10, 12)
    assert samples.spec.names == {"channel": ("DAPI", "GFP")} and samples.spec.attributes["pixel_size_um"] == 0.25
    expected = torch.from_numpy(pixels.swapaxes(0, 1).astype(np.float32)) / 65535 * 2 - 1
    torch.testing.assert_close(samples.samples, expected, atol=1e-5, rtol=0)


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    samples = take(Simulated("test", **SMALL), 2)
    with pytest.raises(FileError, match=r"nowhere.*cannot be written"):
        OmeTiff().write(tmp_path / "nowhere" / "a.ome.tif", samples)
    points = Samples(samples=torch.zeros(2, 2), spec=DataSpec(shape=(2,), axes=("coordinate",)))
    for wrong in (points, samples[:0]):
        with pytest.raises(DoesNotFit, match="OME-TIFF takes images"):
            OmeTiff().write(tmp_path / "a.ome.tif", wrong)
    signed, text, cut, gone = (tmp_path / f"{name}.ome.tif" for name in ("signed", "text", "cut", "gone"))
    tifffile.imwrite(signed, np.zeros((4, 4), np.int16), metadata=None)
    text.write_text("not a TIFF")
    OmeTiff().write(cut, samples)
    cut.write_bytes(cut.read_bytes()[:3000])
    for path in (signed, text, cut, gone):
        with pytest.raises(FileError, match=path.name):
            OmeTiff().read(path)


def test_where_no_metric_has_a_value_evaluate_says_so_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("a", "b"):  # one channel: neither a probe nor a dependence can be had
        pixels = rng.integers(0, 255, (12, 1, 16, 16), np.uint8)
        tifffile.imwrite(f"{name}.ome.tif", pixels, ome=True, photometric="minisblack", metadata={"axes": "TCYX"})
    assert run_command_line(["evaluate", "a.ome.tif", "--data", "b.ome.tif"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "nothing was measured: dependence, interplay, morphology, probe gave no value" in err
    cure = err.partition("'")[2].partition("'")[0]
    assert run_command_line(["evaluate", "a.ome.tif", "--data", "b.ome.tif", cure]) == 0
    assert "diversity" in capsys.readouterr().out
