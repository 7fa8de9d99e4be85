"""Fields of view in every kind of file, as the library that writes it writes it: axes, channels, planes, sizes."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_cells.cropping.fields import corrected, illumination_of, projected, read_fields, sharpest
from gantk_cells.cropping.masks import inside_of, masks_path, read_masks
from gantk_cells.cropping.patterns import find_fields
from gantk_cells.cropping.settings import CropBlocks
from gantk_cells.cropping.volumes import MissingReader, open_volumes
from numpy.typing import NDArray
from scipy import ndimage

from gantk.errors import DataError
from tests.plugins.cells.fields_of_view import discs

RNG = np.random.default_rng(0)
FIVE = RNG.integers(0, 4000, (2, 3, 4, 20, 24)).astype(np.uint16)  # T, C, Z, Y, X
NAMES = ("DAPI", "GFP", "phalloidin")


def settings(path: Path, **given: object) -> CropBlocks:
    return CropBlocks(fields=path, **given)  # type: ignore[arg-type]


def images(path: Path, **given: object) -> list[NDArray]:
    chosen = settings(path, **given)
    found, _ = find_fields(chosen.fields, chosen.pattern)
    return [each.image for files in found for each in read_fields(files, chosen)]


def write_ome_zarr(path: Path, five: NDArray, version: str = "0.5") -> None:
    """An OME-Zarr of one resolution, by the library zarr alone, as its specification says."""
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
    array = group.create_array("0", shape=five.shape, dtype=five.dtype, chunks=(1, 1, 1, 20, 24))
    array[:] = five
    axes = [{"name": axis, "type": kind} for axis, kind in zip("tcz", ("time", "channel", "space"), strict=True)]
    axes += [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0, 0.25, 0.25]}]
    about = {
        "multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}],
        "omero": {"channels": [{"label": name} for name in NAMES]},
    }
    group.attrs.update({"ome": {"version": "0.5", **about}} if version == "0.5" else about)


@pytest.mark.parametrize("kind", ["ome.tif", "imagej.tif", "zarr", "old.zarr"])
def test_planes_channels_names_and_the_size_of_a_pixel(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "ome.tif":
        about = {"Channel": {"Name": list(NAMES)}, "PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm"}
        tifffile.imwrite(path, FIVE, ome=True, photometric="minisblack", metadata={"axes": "TCZYX", **about})
    elif kind == "imagej.tif":
        labels = [name for _ in range(2) for _ in range(4) for name in NAMES]
        about = {"axes": "TZCYX", "unit": "micron", "Labels": labels}
        tifffile.imwrite(path, FIVE.transpose(0, 2, 1, 3, 4), imagej=True, resolution=(4, 4), metadata=about)
    else:
        write_ome_zarr(path, FIVE, "0.4" if kind == "old.zarr" else "0.5")
    (volume,) = open_volumes(path, None)
    assert volume.sizes == FIVE.shape and volume.type == "uint16" and volume.pixel_size == 0.25
    assert volume.names == (NAMES if kind != "imagej.tif" else volume.names)
    assert np.array_equal(volume.read(1, 2), FIVE[1, 2])
    assert np.array_equal(images(path, z="max")[0], FIVE[0].max(1))
    assert np.array_equal(images(path, z="mean", channels=[2, 0])[0], FIVE[0].mean(1).round()[[2, 0]])
    both = images(path, times=[0, 1])
    assert len(both) == 2 and np.array_equal(both[1], FIVE[1].max(1))


def test_one_file_a_plane(tmp_path: Path) -> None:
    for t in range(2):
        for c, name in enumerate(NAMES):
            for z in range(4):
                tifffile.imwrite(tmp_path / f"B3_s1_t{t}_z{z}_{name}.tif", FIVE[t, c, z])
    pattern = "{well}_s{field}_t{time}_z{z}_{channel}.tif"
    found, notes = find_fields(tmp_path, pattern)
    assert [each.name for each in found] == ["B3_1"] and not notes
    assert found[0].tags == {"well": "B3", "field": "1"}
    chosen = settings(tmp_path, pattern=pattern, times=[1], channels=["GFP", "DAPI"])
    (each,) = read_fields(found[0], chosen)
    assert np.array_equal(each.image, FIVE[1, [1, 0]].max(1)) and each.channels == ("GFP", "DAPI")


def test_a_palette_s_numbers_are_intensities(tmp_path: Path) -> None:
    plane = RNG.integers(0, 255, (20, 24)).astype(np.uint8)
    palette = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(tmp_path / "a_D.tif", plane, photometric="palette", colormap=palette)
    tifffile.imwrite(tmp_path / "a_F.tif", plane // 2)
    (image,) = images(tmp_path, pattern="{field}_{channel}.tif")
    assert np.array_equal(image, np.stack([plane, plane // 2]))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("a.tif", {}, "has 3 pages and does not say what they are: pages=channels, pages=z or pages=times"),
        ("a.tif", {"pages": "channels", "channels": [3]}, "there is no channel 3"),
        ("a.tif", {"pages": "times", "times": [3]}, "has 3 times, counted from 0: there is no time 3"),
        (
            "a.tif",
            {"pattern": "b{field}.tif"},
            "is called as pattern=b{field}.tif says; the files are called a.tif",
        ),
        ("a.tif", {"pattern": "{chanel}.tif"}, "did you mean {channel} by {chanel}?"),
        ("a.tif", {"pattern": "{a}{a}.tif"}, "{a} stands there twice"),
        ("a.tif", {"pattern": "{field.tif"}, "its braces do not match"),
        ("a.tif", {"pattern": "{}.tif"}, "is no word such as"),
        ("signed.tif", {}, "pixels of type int16"),
        ("nothing.tif", {}, "it is empty"),
        ("text.tif", {}, "cannot be read"),
        ("text.zarr", {}, "cannot be read"),
        ("empty.zarr", {}, "is no OME-Zarr image"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(name: str, given: dict, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FIVE[0, :, 0], photometric="minisblack", metadata=None)
    tifffile.imwrite(tmp_path / "signed.tif", FIVE[0, 0, 0].astype(np.int16))
    (tmp_path / "nothing.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_text("no image")
    (tmp_path / "text.zarr").write_text("no folder")
    import zarr

    zarr.open_group(str(tmp_path / "empty.zarr"), mode="w")
    with pytest.raises(DataError) as caught:
        images(tmp_path / name, **given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "missing", "said"),
    [
        ("a.czi", "bioio", "pip install 'gantk[microscopy]', and for CZI bioio-czi, whose licence is GPL-3"),
        ("a.nd2", "bioio", "pip install 'gantk[microscopy]'"),
        ("a.lif", "bioio", "pip install 'gantk[microscopy]'"),
        ("a.zarr", "zarr", "pip install 'gantk[microscopy]'"),
    ],
)
def test_a_missing_reader_is_named(
    name: str, missing: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MissingReader) as caught:
        open_volumes(tmp_path / name, None)
    assert name in str(caught.value) and said in str(caught.value)


def test_the_sharpest_plane_is_the_one_in_focus() -> None:
    plane = discs([(30, 30), (60, 70)], 10, 100).astype(np.float32) * 100
    stack = np.stack([ndimage.gaussian_filter(plane, blur) for blur in (4, 2, 0.5, 1.5, 3)])[None]
    noisy = stack + RNG.normal(0, 0.5, stack.shape).astype(np.float32)
    assert sharpest(noisy) == 2 and np.array_equal(projected(noisy, "sharpest")[0], noisy[0, 2])


def test_uneven_light_and_ground_are_taken_out() -> None:
    y, x = np.mgrid[:120, :120] / 120
    light = (0.5 + x).astype(np.float32)
    fields = [discs([tuple(each) for each in RNG.uniform(-5, 125, (30, 2))], 5, 120) for _ in range(60)]
    lit = [(light * (20 + 100.0 * (each > 0)))[None] for each in fields]
    found = illumination_of(iter(lit))
    middle = (slice(None), slice(10, 110), slice(10, 110))
    assert np.abs(found[middle] / light[None][middle] - 1).max() < 0.15
    assert np.ptp(light[10:110, 10:110]) > 0.8
    y, x = np.mgrid[:400, :400] / 200 - 1
    ground = (150 - 40 * (y**2 + x**2)).astype(np.float32)  # brightest in the middle
    cells = discs([tuple(each) for each in RNG.uniform(0, 400, (60, 2))], 12, 400) > 0
    flat = corrected((ground + 100 * cells)[None], None, "local")[0]
    assert np.ptp(ground) > 70 and flat[~cells].mean() < 7 and abs(flat[cells].mean() - 100) < 10
    plain = (30 + 100 * (fields[0] > 0)).astype(np.uint8)[None]
    assert set(np.unique(corrected(plain, None, "percentile"))) == {0, 100}
    assert corrected(plain, None, "none") is plain


def test_fiji_s_regions_are_filled_to_the_pixel(tmp_path: Path) -> None:
    roifile = pytest.importorskip("roifile", reason="pip install 'gantk[microscopy]'")
    square = np.array([[10, 5], [20, 5], [20, 15], [10, 15]], np.float32)  # x, y
    roi = roifile.ImagejRoi.frompoints(square)
    assert inside_of(roi, (30, 40)).sum() == 100 and inside_of(roi, (30, 40))[5:15, 10:20].all()
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([25 + 8 * np.cos(angle), 20 + 8 * np.sin(angle)], 1).astype(np.float32)
    rois = [roi, roifile.ImagejRoi.frompoints(circle)]
    roifile.roiwrite(tmp_path / "a.zip", rois)
    labels = read_masks(tmp_path / "a.zip", (40, 40))
    assert np.array_equal(np.unique(labels), [0, 1, 2])
    y, x = np.mgrid[:40, :40] + 0.5
    drawn = (x - 25) ** 2 + (y - 20) ** 2 < 64
    assert ((labels == 2) != drawn).sum() <= 4
    roi.tofile(tmp_path / "one.roi")
    assert (read_masks(tmp_path / "one.roi", (40, 40)) == 1).sum() == 100
    (tmp_path / "no.roi").write_bytes(b"no")
    with pytest.raises(DataError, match="no ROIs of Fiji"):
        read_masks(tmp_path / "no.roi", (40, 40))


def test_regions_without_roifile_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "roifile", None)
    (tmp_path / "a.roi").write_bytes(b"x")
    with pytest.raises(MissingReader, match=r"pip install 'gantk\[microscopy\]'"):
        read_masks(tmp_path / "a.roi", (9, 9))


def test_label_images(tmp_path: Path) -> None:
    from PIL import Image

    labels = discs([(10, 10), (25, 30)], 5, 40)
    Image.fromarray((300 * labels).astype(np.uint16)).save(tmp_path / "a.png")
    assert np.array_equal(read_masks(tmp_path / "a.png", (40, 40)), labels)
    tifffile.imwrite(tmp_path / "binary.tif", (255 * (labels > 0)).astype(np.uint8))
    assert np.array_equal(read_masks(tmp_path / "binary.tif", (40, 40)), labels)
    with pytest.raises(DataError, match="is 40 × 40, but its field is 50 × 40"):
        read_masks(tmp_path / "a.png", (50, 40))
    Image.new("RGB", (40, 40)).save(tmp_path / "colour.png")
    with pytest.raises(DataError, match="colour picture"):
        read_masks(tmp_path / "colour.png", (40, 40))
    tifffile.imwrite(tmp_path / "half.tif", (0.5 * labels).astype(np.float32))
    with pytest.raises(DataError, match="decimals"):
        read_masks(tmp_path / "half.tif", (40, 40))
    assert masks_path(f"{tmp_path}/{{field}}.png", {"field": "a"}, None) == tmp_path / "a.png"


@pytest.mark.long
def test_a_czi_that_zeiss_s_library_wrote(tmp_path: Path) -> None:
    pytest.importorskip("bioio_czi", reason="make test-long installs it")
    czi = pytest.importorskip("pylibCZIrw.czi", reason="make test-long installs it")
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path)) as document:
        for t in range(2):
            for c in range(3):
                for z in range(4):
                    document.write(data=FIVE[t, c, z][..., None], plane={"T": t, "C": c, "Z": z})
        document.write_metadata("a", channel_names=dict(enumerate(NAMES)), scale_x=0.25e-6, scale_y=0.25e-6)
    (volume,) = open_volumes(path, None)
    assert volume.sizes == FIVE.shape and volume.names == NAMES and volume.pixel_size == pytest.approx(0.25)
    assert np.array_equal(volume.read(1, 2), FIVE[1, 2])
    assert np.array_equal(images(path, z="max", channels=["GFP"])[0], FIVE[0, [1]].max(1))


@pytest.mark.long
def test_a_czi_without_its_reader_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bioio", reason="make test-long installs it")
    monkeypatch.setitem(sys.modules, "bioio_czi", None)
    (tmp_path / "a.czi").write_bytes(b"x")
    with pytest.raises(MissingReader, match=r"GPL-3.*pip install bioio-czi"):
        open_volumes(tmp_path / "a.czi", None)


@pytest.mark.long
@pytest.mark.parametrize("ending", [".nd2", ".lif"])
def test_a_broken_nd2_or_lif_is_told(ending: str, tmp_path: Path) -> None:
    """That a good one is read has not been tried: no library writes them."""
    pytest.importorskip("bioio", reason="make test-long installs it")
    (tmp_path / f"a{ending}").write_bytes(b"no image" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        open_volumes(tmp_path / f"a{ending}", None)


@pytest.mark.long
def test_an_ome_zarr_that_its_own_library_wrote(tmp_path: Path) -> None:
    writer = pytest.importorskip("ome_zarr.writer", reason="make test-long installs it")
    import zarr

    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    writer.write_image(FIVE, group, axes="tczyx")
    (volume,) = open_volumes(tmp_path / "a.zarr", None)
    assert volume.sizes == FIVE.shape and np.array_equal(volume.read(1, 2), FIVE[1, 2])
