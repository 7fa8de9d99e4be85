"""`gantk crop`: from fields whose cells are known to a folder of cells that a run takes."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from gantk_cells.cropping.settings import CropBlocks, Drop, Segment
from gantk_cells.data.lin import Lin
from gantk_cells.data.stacks import Stacks

from gantk.cli import run_command_line
from gantk.components import parameters
from gantk.recipe import load
from tests.helpers.documents import ROOT
from tests.plugins.cells.fields_of_view import CENTRES, discs, field, write_fields

FOUND = ("segment.nuclei=D", "segment.cells=F", "segment.cells_threshold=50")
BLOCKS = {"segment": Segment, "drop": Drop}
SPLITS = ("train", "validation", "test")
WANTED = ("layout", "channels", "split_by")
PATTERN = "pattern=field{field}_{channel}.tif"


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "cells.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cropped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three fields of eight cells, cropped; field 01 is the test field."""
    home = tmp_path_factory.mktemp("crop")
    write_fields(home / "fields")
    words = [str(home / "fields"), "-o", str(home / "cells"), PATTERN, "pixel_size_um=0.5", "test=[01]", *FOUND]
    assert run_command_line(["crop", *words, "-q"]) == 0
    return home / "cells"


def test_every_cell_is_found_where_it_was_drawn(cropped: Path) -> None:
    rows = [row for row in rows_of(cropped) if row["field"] == "01"]
    found = sorted((float(row["y"]), float(row["x"])) for row in rows)
    assert np.allclose(found, sorted(CENTRES), atol=0.7)
    drawn = np.pi * 12**2 * 0.5**2  # µm²
    assert all(abs(float(row["area"]) - drawn) < 0.1 * drawn and not row["left out"] for row in rows)


def test_a_cell_s_file_has_its_pixels_and_says_where_it_came_from(cropped: Path) -> None:
    row = next(row for row in rows_of(cropped) if row["field"] == "02")
    path = cropped / row["file"]
    assert row["split"] == "train" and path.parent.name == "train"
    with tifffile.TiffFile(path) as file:
        picture, root = file.series[0].asarray(), ElementTree.fromstring(file.ome_metadata)
    keys = {item.get("K"): item.text for item in root.iter() if item.tag.endswith("}M")}
    assert {keys["field"], keys["y"], keys["x"]} == {"02", row["y"], row["x"]} and "angle" in keys
    plane = next(item for item in root.iter() if item.tag.endswith("}Plane"))
    assert float(plane.get("PositionX", 0)) == pytest.approx(0.5 * float(row["x"]), abs=0.01)
    names = [item.get("Name") for item in root.iter() if item.tag.endswith("}Channel")]
    pixels = next(item for item in root.iter() if item.tag.endswith("}Pixels"))
    assert names == ["D", "F", "R"] and pixels.get("PhysicalSizeX") == "0.5"
    whole = np.stack([tifffile.imread(cropped.parent / f"fields/field02_{each}.tif") for each in "DFR"])
    ground = np.percentile(whole, 1, axis=(1, 2), keepdims=True)
    labels = tifffile.imread(cropped / "labels/02.tif")
    mine = np.where(labels == int(row["label"]), np.maximum(whole - ground, 0).round(), 0)
    assert picture.sum() == mine.sum() and picture.max() == mine.max()  # no pixel of it is lost, no other there


def test_what_it_writes_trains(cropped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cropped.parent)
    assert load("cells/train.yaml").values["data"]["channels"] == ["D", "F", "R"]
    test = Stacks("test", root=cropped / "cells")
    assert len(test) == 8 and test.spec.names["channel"] == ("D", "F", "R")
    assert test.spec.attributes["pixel_size_um"] == 0.5
    for name in ("contact_sheet.png", "overlays/01.png", "overlays/02.png", "labels/03.tif", "crop.yaml"):
        assert (cropped / name).stat().st_size > 100


def test_its_recipe_repeats_it_and_keys_change_it(cropped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cropped.parent)
    assert run_command_line(["crop", str(cropped / "crop.yaml"), "-o", "again", "-q"]) == 0
    assert rows_of(Path("again")) == rows_of(cropped)
    assert run_command_line(["crop", "cells/crop.yaml", "-o", "half", "to_um=1", "turn=long_axis", "-q"]) == 0
    picture = tifffile.imread(next(Path("half/cells/test").glob("*.tif")))
    whole = tifffile.imread(next(Path("again/cells/test").glob("*.tif")))
    assert picture.shape[1] < whole.shape[1]
    assert (picture[1] > 50).sum() == pytest.approx((whole[1] > 50).sum() / 4, rel=0.15)


def test_masks_of_ones_own_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fields").mkdir()
    (tmp_path / "masks").mkdir()
    tifffile.imwrite("fields/a.ome.tif", field(CENTRES), metadata={"axes": "CYX", "Channel": {"Name": ["D", "F", "R"]}})
    labels = 10 * discs(CENTRES, 9)  # numbers with gaps
    tifffile.imwrite("masks/a.tif", labels.astype(np.uint16))
    words = ["outside=keep", "size=[24,24]", "drop.focus=0", "background=none"]
    assert run_command_line(["crop", "fields", "-o", "cells", "masks=masks/{field}.tif", *words, "-q"]) == 0
    rows = rows_of(tmp_path / "cells")
    assert len(rows) == len(CENTRES) and {row["left out"] for row in rows} == {""}
    area = int((discs(CENTRES[:1], 9) > 0).sum())
    assert {float(row["area"]) for row in rows} == {area}
    row = next(row for row in rows if (row["y"], row["x"]) == ("80.0", "90.0"))
    picture = tifffile.imread(f"cells/{row['file']}")
    assert np.array_equal(picture, field(CENTRES)[:, 68:92, 78:102])  # nothing is changed but cut


def test_cells_are_left_out_for_these_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scipy import ndimage

    image = field(CENTRES, side=200).astype(np.float32)
    labels = discs([*CENTRES, (5, 100)], 12, 200)  # the last touches the border
    labels[labels == 1] = 0
    labels |= discs([CENTRES[0]], 4, 200)  # too small
    labels[150:198, 150:198] = 10  # too large
    blurred = ndimage.gaussian_filter(image, (0, 4, 4))
    image[:, 105:145, 55:95] = blurred[:, 105:145, 55:95]  # cell 7, out of focus
    (tmp_path / "fields").mkdir()
    tifffile.imwrite(tmp_path / "fields/a.tif", image.astype(np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "a_masks.tif", labels.astype(np.uint16))
    words = [str(tmp_path / "fields"), "-o", str(tmp_path / "out"), f"masks={tmp_path}/{{field}}_masks.tif"]
    assert run_command_line(["crop", *words, "pages=channels", "size=[26,26]", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["fields"]["a"] == {
        "kept": 6, "at the border": 1, "too small": 1, "too large": 1, "out of focus": 1
    }  # fmt: skip
    by_label = {int(row["label"]): row["left out"] for row in rows_of(tmp_path / "out")}
    assert [by_label[k] for k in (1, 7, 9, 10)] == ["too small", "out of focus", "at the border", "too large"]


def test_the_long_axis_lies_along_x(tmp_path: Path) -> None:
    labels = discs([(60, 60), (110, 100)], 20, squeeze=0.4, angle=35)
    (tmp_path / "fields").mkdir()
    tifffile.imwrite(tmp_path / "fields/a.tif", (100 * (labels > 0)).astype(np.uint8))
    tifffile.imwrite(tmp_path / "a.tif", labels.astype(np.uint8))
    words = ["turn=long_axis", "holds=1", "background=none", "-q", "drop.smallest=1", "drop.focus=0"]
    assert run_command_line(["crop", str(tmp_path / "fields"), "-o", str(tmp_path / "out"),
                             f"masks={tmp_path}/{{field}}.tif", *words]) == 0  # fmt: skip
    rows = rows_of(tmp_path / "out")
    assert [float(row["angle"]) for row in rows] == pytest.approx([35, 35], abs=1)
    picture = tifffile.imread(tmp_path / "out" / rows[0]["file"]).squeeze() > 50
    down, along = (np.ptp(np.nonzero(picture)[axis]) + 1 for axis in (0, 1))
    assert (down, along) == (pytest.approx(17, abs=1), pytest.approx(41, abs=1))
    assert picture.sum() == pytest.approx((labels == 1).sum(), rel=0.05)
    assert picture.shape[1] > picture.shape[0]  # the frame is no square


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing says where the cells are"),
        (["segment.nuclei=D", "masks=m/{field}.tif"], "leave one of them out"),
        (["segment.nuclei=X"], "has no channel 'X'; it has D, F, R"),
        (["segment.nuclei=D", "test=[9]"], "there is no field 9; there are 01"),
        (["segment.nuclei=D", "split_by=plate"], "split_by=plate is no word of the pattern"),
        (["segment.nuclei=D", "channels=[D, G]"], "has no channel 'G'; it has D, F, R"),
        (["segment.nuclei=D", "segment.nuclei_threshold=300"], "no cells were found"),
        (["segment.nuclei=D", "drop.smallest=100000"], "none is left: "),
        (["masks=m/{field}.tif"], "no masks of field 01: there is no file m/01.tif"),
        (["masks=m/{plate}.tif"], "'plate' is no word of the pattern; there are {field}"),
        (["segment.nuclei=D", "sgement=1"], "segment"),
        (["segment.nuclei=D", "size=[8,8]"], "no cell has room in the frame"),
    ],
)
def test_mistakes_are_told_and_nothing_is_left_behind(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_fields(tmp_path / "fields", fields=("01",))
    assert run_command_line(["crop", "fields", "-o", "cells", PATTERN, *words]) in (1, 2)
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "fields"] or not (tmp_path / "cells").exists()
    assert not list(tmp_path.glob(".cells*"))


def test_files_of_channels_are_refused_with_the_pattern_that_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fields(tmp_path / "fields", fields=("01", "02"))
    assert run_command_line(["crop", str(tmp_path / "fields"), "-o", str(tmp_path / "cells"), *FOUND]) == 2
    said = capsys.readouterr().err
    proposed = next(word for word in said.split("'") if word.startswith("pattern="))
    assert "hold one channel each" in said
    words = [str(tmp_path / "fields"), "-o", str(tmp_path / "cells"), proposed, *FOUND, "-q"]
    assert run_command_line(["crop", *words]) == 0


def test_a_broken_field_is_named_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fields(tmp_path / "fields", fields=("01", "02"))
    path = tmp_path / "fields/field02_F.tif"
    path.write_bytes(path.read_bytes()[:300])
    words = [str(tmp_path / "fields"), PATTERN, *FOUND, "-q"]
    assert run_command_line(["crop", *words, "-o", str(tmp_path / "none")]) == 2
    assert "field02_F.tif" in capsys.readouterr().err and not (tmp_path / "none").exists()
    assert run_command_line(["crop", *words, "-o", str(tmp_path / "one"), "damaged=skip"]) == 1
    assert "field02_F.tif" in capsys.readouterr().err
    assert {row["field"] for row in rows_of(tmp_path / "one")} == {"01"}


def test_a_folder_that_is_not_there_is_told_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["crop", str(tmp_path / "fields"), "-o", str(tmp_path / "cells")]) == 2
    assert "no such file or folder" in capsys.readouterr().err and not list(tmp_path.glob("*cells*"))


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fields(tmp_path / "fields", fields=("01",))
    assert run_command_line(["crop", str(tmp_path / "fields"), "-o", str(tmp_path / "fields"), *FOUND]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_class_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wild", "mutant"):
        write_fields(tmp_path / "fields" / name, fields=("01", "02", "03", "04"))
    monkeypatch.chdir(tmp_path)
    words = ["pattern={class}/field{field}_{channel}.tif", "channels=[D, F]", *FOUND, "-q"]
    assert run_command_line(["crop", "fields", "-o", "cells", *words]) == 0
    assert sorted(path.name for path in Path("cells/cells").iterdir()) == ["mutant", "wild"]
    data = load("cells/train.yaml").values["data"]
    assert (data["use"], data["split_by"], data["channels"]) == ("cells/lin", "field", ["D", "F"])
    counts = [Lin(split, **{key: data[key] for key in WANTED} | {"root": Path(data["root"])}) for split in SPLITS]
    assert [each.class_counts for each in counts] == [{"mutant": n, "wild": n} for n in (16, 8, 8)]


def test_every_key_is_documented_with_its_default() -> None:
    text = (ROOT / "docs/tutorials/microscope.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|", text, re.M))
    known = {each.name: each for each in parameters(CropBlocks) if each.name not in ("segment", "drop")}
    known |= {f"{block}.{each.name}": each for block, kind in BLOCKS.items() for each in parameters(kind)}
    assert set(known) == set(rows)
    for name, each in known.items():
        default = each.default if isinstance(each.default, str) else json.dumps(each.default)
        assert rows[name] == ("needed" if each.required else f"`{default}`"), name


@pytest.mark.long
def test_the_fly_s_fields(test_data: Path, tmp_path: Path) -> None:
    """More nuclei than a smoothed threshold has regions, since many touch; most regions in one cell."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    if not (test_data / "microscopy/fly").is_dir():
        pytest.skip(f"{test_data} has no microscopy/fly")
    words = [str(test_data / "microscopy/fly"), PATTERN, "channels=[D, F, R]", "test=[002]", "to_um=1.3333"]
    words += ["segment.nuclei=D", "segment.cells=F", "-q"]
    assert run_command_line(["crop", *words, "-o", str(tmp_path / "cells")]) == 0
    rows = rows_of(tmp_path / "cells")
    for name in ("002", "076", "218"):
        plane = tifffile.imread(test_data / f"microscopy/fly/field{name}_D.tif").astype(np.float32)
        smooth = ndimage.gaussian_filter(plane, 2)
        regions, count = ndimage.label(smooth > threshold_otsu(smooth))
        labels = tifffile.imread(tmp_path / f"cells/labels/{name}.tif")
        assert count < sum(row["field"] == name for row in rows) < 2 * count
        shares = [np.bincount(labels[regions == number]).max() / (regions == number).sum() for number in
                  np.flatnonzero(np.bincount(regions.ravel()) > 100)[1:]]  # fmt: skip
        assert np.mean(np.array(shares) > 0.9) > 0.6
    assert {row["split"] for row in rows if row["field"] == "002"} == {"test"}
    assert len({row["file"] for row in rows if row["file"]}) > 1000
