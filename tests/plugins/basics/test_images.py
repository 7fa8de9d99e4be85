"""`basics/images`: every kind of file that it reads, made by the library that writes it, against a plain reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.data.images import ImageFolder
from gantk_basics.files.images.alpha import LEFT_OUT, PROFILE, TURNED, upright
from gantk_basics.files.images.decode import decode
from gantk_basics.files.images.tiff_file import ODD_PALETTE
from gantk_basics.image_augmentation import Augmentation
from gantk_basics.image_sizes import fitted
from PIL import Image, ImageCms, ImageOps

from gantk.cli import run_command_line
from gantk.data import one_version, take, variants
from gantk.errors import DataError
from gantk.interfaces import SPLITS

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), np.uint8)
DEEP = RNG.integers(0, 65536, (6, 9), np.uint16)
RGB = RNG.integers(0, 256, (6, 9, 3), np.uint8)
RGBA = np.concatenate([RGB, RNG.integers(0, 256, (6, 9, 1), np.uint8)], -1)
FEW = Image.fromarray(RGB).quantize(8)
BITS = RNG.integers(0, 2, (6, 9), np.uint8) * 255


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


def deep_png(path: Path, pixels: np.ndarray) -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason="pip install 'gantk[tiff]'")
    path.write_bytes(imagecodecs.png_encode(pixels))


WRITTEN: dict[str, tuple[str, Callable[[Path], object], np.ndarray]] = {
    "JPEG, grey": ("a.jpg", lambda path: Image.fromarray(GREY).save(path), None),
    "JPEG, colour": ("a.jpeg", lambda path: Image.fromarray(RGB).save(path), None),
    "PNG, grey": ("a.png", lambda path: Image.fromarray(GREY).save(path), GREY[None]),
    "PNG, colour": ("a.png", lambda path: Image.fromarray(RGB).save(path), RGB.transpose(2, 0, 1)),
    "PNG, palette": ("a.png", FEW.save, np.asarray(FEW.convert("RGB")).transpose(2, 0, 1)),
    "PNG, 1 bit": ("a.png", lambda path: Image.fromarray(BITS).convert("1").save(path), BITS[None]),
    "PNG, 16 bits": ("a.png", lambda path: Image.fromarray(DEEP).save(path), DEEP[None]),
    "PNG, 16 bits in colour": (
        "a.png",
        lambda path: deep_png(path, RGB.astype(np.uint16) * 257),
        RGB.transpose(2, 0, 1).astype(np.uint16) * 257,
    ),
    "WebP, lossless": ("a.webp", lambda path: Image.fromarray(RGB).save(path, lossless=True), RGB.transpose(2, 0, 1)),
    "WebP, lossy": ("a.webp", lambda path: Image.fromarray(RGB).save(path), None),
    "BMP, colour": ("a.bmp", lambda path: Image.fromarray(RGB).save(path), RGB.transpose(2, 0, 1)),
    "BMP, grey": ("a.bmp", lambda path: Image.fromarray(GREY).save(path), GREY[None]),
    "BMP, palette": ("a.bmp", FEW.save, np.asarray(FEW.convert("RGB")).transpose(2, 0, 1)),
    "BMP, 1 bit": ("a.bmp", lambda path: Image.fromarray(BITS).convert("1").save(path), BITS[None]),
    "TIFF, grey": ("a.tif", lambda path: tifffile.imwrite(path, GREY), GREY[None]),
    "TIFF, colour": ("a.tiff", lambda path: tifffile.imwrite(path, RGB), RGB.transpose(2, 0, 1)),
    "TIFF, five channels": (
        "a.tif",
        lambda path: tifffile.imwrite(path, np.stack([GREY] * 5) // np.arange(1, 6, dtype=np.uint8)[:, None, None]),
        np.stack([GREY] * 5) // np.arange(1, 6, dtype=np.uint8)[:, None, None],
    ),
    "TIFF, 1 bit": ("a.tif", lambda path: Image.fromarray(BITS).convert("1").save(path), BITS[None]),
    "TIFF, 16 bits": ("a.tif", lambda path: tifffile.imwrite(path, DEEP), DEEP[None]),
    "TIFF, float": (
        "a.tif", lambda path: tifffile.imwrite(path, GREY.astype(np.float32)), GREY[None].astype(np.float32)
    ),
    "TIFF, palette": ("a.tif", FEW.save, np.asarray(FEW)[None]),  # for display: the numbers count
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_is_what_the_library_that_wrote_it_says(tmp_path: Path, kind: str) -> None:
    name, write, pixels = WRITTEN[kind]
    write(tmp_path / name)
    found = decode(tmp_path / name)
    if pixels is None:  # compression changed it: what Pillow reads
        pixels = np.atleast_3d(np.asarray(Image.open(tmp_path / name))).transpose(2, 0, 1)
    assert found.images.dtype == pixels.dtype and np.array_equal(found.images[0], pixels)
    assert found.remarks == ((ODD_PALETTE,) if kind == "TIFF, palette" else ())


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_a_folder_of_each_kind_is_a_plain_reader_of_it(tmp_path: Path, kind: str) -> None:
    """Values from -1 to 1 over the whole range of the type; float has no range, and is given one."""
    name, write, _ = WRITTEN[kind]
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder / name)
    for number in range(5):  # others, so that there are splits
        pixels = np.roll(decode(folder / name).images[0], number + 1, -1)
        tifffile.imwrite(folder / f"{number}.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    options = {"white": 255.0} if "float" in kind else {}
    if decode(folder / name).colour:  # stacks of three channels beside colours
        options["channels"] = [0, 1, 2]
    read = {
        file: take(data, len(data)).samples[place]
        for data in (ImageFolder(split, root=folder, **options) for split in SPLITS)
        for place, file in enumerate(data.files)
    }
    assert len(read) == 6
    plain = decode(folder / name).images[0].astype(np.float64)
    top = {"uint8": 255, "uint16": 65535, "float32": 255}[decode(folder / name).images.dtype.name]
    assert np.allclose(read[name].numpy(), plain / top * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_photos_are_set_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    """As Pillow's `exif_transpose`, of files that Pillow wrote with this orientation."""
    path, exif = tmp_path / f"a.{ending}", Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(RGB).save(path, exif=exif, **options)
    with Image.open(path) as image:
        truth = np.asarray(ImageOps.exif_transpose(image)).transpose(2, 0, 1)
    found = decode(path)
    assert np.array_equal(found.images[0], truth)
    assert (TURNED in found.remarks) == (orientation > 1)
    mirrored = Image.fromarray(GREY)
    mirrored.info["exif"] = exif.tobytes()
    assert np.array_equal(upright(GREY, orientation), np.asarray(ImageOps.exif_transpose(mirrored)))


def in_pillow(pixels: np.ndarray, ground: str) -> np.ndarray:
    """Pillow's own picture on a ground."""
    below = Image.new("RGBA", pixels.shape[1::-1], ground)
    return np.asarray(Image.alpha_composite(below, Image.fromarray(pixels)).convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
@pytest.mark.parametrize("alpha", [None, "drop", "white", "black"])
def test_transparency_becomes_what_the_recipe_says(tmp_path: Path, ending: str, alpha: str | None) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "tif":
        tifffile.imwrite(path, RGBA, photometric="rgb", extrasamples=["unassalpha"])
    else:
        Image.fromarray(RGBA).save(path, **({"lossless": True, "exact": True} if ending == "webp" else {}))
    found = decode(path, alpha=alpha)  # type: ignore[arg-type]
    opaque = RGBA[..., 3:].transpose(2, 0, 1) / 255
    ground = {"white": 255, "black": 0}.get(str(alpha))
    colours = RGB.transpose(2, 0, 1)
    truth = colours if ground is None else (colours * opaque + ground * (1 - opaque)).round()
    assert np.array_equal(found.images[0], truth)
    assert (found.remarks == ()) == (alpha == "drop") and (LEFT_OUT in found.remarks) == (alpha is None)
    if ground is not None:
        assert np.abs(found.images[0].astype(int) - in_pillow(RGBA, str(alpha))).max() <= 1  # Pillow rounds otherwise
    with pytest.raises(DataError, match=r"transparent pixels; .*data\.alpha=white or black"):
        decode(path, alpha="error")


def test_colours_that_are_multiplied_by_alpha_are_not_multiplied_again(tmp_path: Path) -> None:
    opaque = RGBA[..., 3:] / 255
    tifffile.imwrite(
        tmp_path / "a.tif", np.concatenate([(RGB * opaque).round().astype(np.uint8), RGBA[..., 3:]], -1),
        photometric="rgb", extrasamples=["assocalpha"],
    )  # fmt: skip
    found = decode(tmp_path / "a.tif", alpha="white").images[0]
    assert np.abs(found - (RGB * opaque + 255 * (1 - opaque)).transpose(2, 0, 1)).max() <= 1


def test_transparent_colours_and_palettes(tmp_path: Path) -> None:
    """tRNS: one colour, or entries of a palette, that are transparent."""
    Image.fromarray(RGB).save(tmp_path / "a.png", transparency=tuple(map(int, RGB[0, 0])))
    FEW.save(tmp_path / "b.png", transparency=0)
    for name in ("a.png", "b.png"):
        with Image.open(tmp_path / name) as image:
            pixels = np.asarray(image.convert("RGBA"))
        assert (pixels[..., 3] == 0).any()
        assert np.array_equal(decode(tmp_path / name, alpha="black").images[0], in_pillow(pixels, "black"))
    opaque = np.concatenate([RGB, np.full((6, 9, 1), 255, np.uint8)], -1)
    Image.fromarray(opaque).save(tmp_path / "c.png")
    assert decode(tmp_path / "c.png", alpha="error").images.shape == (1, 3, 6, 9)


def test_gamma_and_profiles_are_not_applied_and_said(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for ending in ("png", "jpg", "webp", "tif"):
        path = tmp_path / f"a.{ending}"
        Image.fromarray(GREY if ending == "tif" else RGB).save(path, icc_profile=profile)
        assert decode(path).remarks == (PROFILE,)
    Image.fromarray(GREY).save(tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    gamma = bytes.fromhex("00000004 67414D41 0000B18F 0BFC6105".replace(" ", ""))  # .45455, behind the header
    (tmp_path / "b.png").write_bytes(content[:33] + gamma + content[33:])
    found = decode(tmp_path / "b.png")
    assert found.remarks == (PROFILE,) and np.array_equal(found.images[0, 0], GREY)


def test_an_animation_is_no_image(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(RGB, k, 0)) for k in range(3)]
    for ending in ("webp", "png"):
        frames[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:])
        with pytest.raises(DataError, match="an animation of 3 pictures"):
            decode(tmp_path / f"a.{ending}")


Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes random images: folder({"rose/%d.png": 12}, shape=(8, 8, 3)) -> the folder above."""

    def make(names: dict[str, int], shape: tuple[int, ...] = (8, 8, 3), type: type = np.uint8) -> Path:
        rng = np.random.default_rng(len(names))
        for pattern, count in names.items():
            for number in range(count):
                path = tmp_path / "own" / (pattern % number)
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, np.iinfo(type).max + 1, shape, type)
                Image.fromarray(pixels).save(path)
        return tmp_path / "own"

    return make


def test_class_folders_give_labels_and_a_folder_of_images_none(folder: Folder) -> None:
    root = folder({"rose/%d.png": 12, "tulip/%02d.webp": 20})
    data = ImageFolder("train", root=root)
    assert data.spec.classes == ("rose", "tulip") and data.spec.names["channel"] == ("red", "green", "blue")
    assert sum(data.class_counts.values()) == len(data) == len(data.labels)
    assert [name.split("/")[0] for name in data.sample_names(torch.arange(len(data)))] == [
        data.spec.classes[label] for label in data.labels.tolist()
    ]
    alone = ImageFolder("train", root=root / "rose")
    assert alone.labels is None and alone.spec.classes == () and alone.batch(torch.arange(2), None).labels is None
    picked = ImageFolder("test", root=root, classes=["tulip", "rose"])
    assert picked.spec.classes == ("tulip", "rose")
    with pytest.raises(DataError, match=r"no class 'tulp'.* Did you mean tulip"):
        ImageFolder("train", root=root, classes=["tulp"])


def test_splits_may_be_folders(folder: Folder) -> None:
    root = folder({"train/a/%d.png": 9, "test/a/%d.png": 3, "val/a/%d.png": 2, "train/b/%d.png": 5,
                   "test/b/%d.png": 4, "val/b/%d.png": 2})  # fmt: skip
    assert [len(ImageFolder(split, root=root)) for split in SPLITS] == [14, 4, 7]


def test_hidden_and_system_files_are_passed_over(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder({"%d.png": 9})
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._3.png", ".hidden.png"):
        (root / name).write_bytes(b"nothing")
    for name in ("__MACOSX", "@eaDir", ".git", "$RECYCLE.BIN"):
        (root / name).mkdir()
        Image.fromarray(GREY).save(root / name / "thumb.jpg")
    assert sum(len(ImageFolder(split, root=root)) for split in SPLITS) == 9
    assert capsys.readouterr().err == ""


def test_pictures_of_several_kinds_are_counted_and_the_named_lines_read_them(folder: Folder) -> None:
    root = folder({"%d.png": 9})
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(root / f"grey{number}.png")
    with pytest.raises(DataError) as error:
        ImageFolder("train", root=root)
    said = str(error.value)
    assert "9 RGB of 8 bits (such as own/0.png), 4 grey of 8 bits (such as own/grey0.png)" in said
    assert "data.channels=rgb" in said and "data.channels=grey" in said
    rgb, grey = (ImageFolder("train", root=root, channels=mode) for mode in ("rgb", "grey"))
    assert rgb.spec.shape == (3, 8, 8) and grey.spec.shape == (1, 8, 8)
    for place, file in enumerate(rgb.files):
        with Image.open(root / file) as image:
            assert np.array_equal(rgb.stored[place].numpy(), np.asarray(image.convert("RGB")).transpose(2, 0, 1))
            bright = np.asarray(image.convert("L")).astype(int)
            assert np.abs(grey.stored[place, 0].numpy() - bright).max() <= 1  # Pillow weighs by whole 65536ths


def test_kinds_of_classes_are_compared_too(folder: Folder) -> None:
    root = folder({"a/%d.png": 9})
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 65536, (8, 8), np.uint16)
        (root / "b").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / "b" / f"{number}.png")
    ImageFolder("train", root=root / "a")  # now in the cache
    with pytest.raises(
        DataError, match=r"9 RGB of 8 bits.*4 grey of 16 bits(.|\n)*data.channels=rgb(.|\n)*data.bits=8"
    ):
        ImageFolder("train", root=root)
    both = ImageFolder("train", root=root, channels="grey", bits=8)
    assert both.spec.shape == (1, 8, 8) and both.stored.dtype == torch.uint8


@pytest.mark.parametrize(("bits", "type_"), [(8, np.uint8), (16, np.uint16)])
def test_bits_are_whole_range_to_whole_range(tmp_path: Path, bits: int, type_: type) -> None:
    (tmp_path / "own").mkdir()
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(4):
        Image.fromarray(np.roll(ramp, number, 0)).save(tmp_path / "own" / f"{number}.png")
        Image.fromarray(np.roll(ramp, number, 1).astype(np.uint16) * 257).save(tmp_path / "own" / f"deep{number}.png")
    every = [ImageFolder(split, root=tmp_path / "own", bits=bits) for split in SPLITS]
    values = torch.cat([take(data, 9).samples for data in every])
    assert len(values) == 8 and torch.allclose(values.sort().values.flatten(1).sort().values[0],
                                               torch.linspace(-1, 1, 256), atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("shape", [(40, 60, 3), (50, 30, 3)])
def test_cover_is_pillows_fit(shape: tuple[int, ...]) -> None:
    """`ImageOps.fit` scales and crops in one: the same place, but for half a pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = np.stack([y * 3, x * 3, y + x], -1).astype(np.uint8)
    found, padded = fitted(smooth.transpose(2, 0, 1), (16, 16), "cover")
    truth = np.asarray(ImageOps.fit(Image.fromarray(smooth), (16, 16), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert padded == 0 and found.shape == (3, 16, 16) and np.abs(found.astype(int) - truth).max() <= 6


def test_sizes_that_differ_need_a_size(folder: Folder) -> None:
    root = folder({"%d.png": 6})
    Image.fromarray(GREY).convert("RGB").save(root / "odd.png")
    with pytest.raises(DataError, match=r"images of unequal size.*odd\.png is 6 × 9(.|\n)*data.fit=cover"):
        ImageFolder("train", root=root)
    assert ImageFolder("train", root=root, size=[8, 8]).spec.shape == (3, 8, 8)


def test_a_set_larger_than_memory_is_streamed_and_is_the_same(
    folder: Folder, own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder({"rose/%d.png": 30, "tulip/%d.png": 20}, shape=(16, 16, 3))
    whole = {split: ImageFolder(split, root=root, memory="resident") for split in SPLITS}
    monkeypatch.setenv("GANTK_DATA_MEMORY", "20KB")  # 50 images have 38 KB
    streamed = {split: ImageFolder(split, root=root) for split in SPLITS}
    assert "are decoded once into the cache" in capsys.readouterr().err
    for split in SPLITS:
        assert streamed[split].stored.numel() == 0 and len(streamed[split]) == len(whole[split])
        order = torch.randperm(len(whole[split]), generator=torch.Generator().manual_seed(1))
        one, two = (data[split].batch(order, None) for data in (whole, streamed))
        assert torch.equal(one.samples, two.samples) and torch.equal(one.labels, two.labels)
        assert streamed[split].files == whole[split].files
    (kept,) = {path for path in own_cache.glob("*.pixels") if path.stat().st_size == 30 * 768}
    kept.write_bytes(kept.read_bytes()[:-1] + b"\0")
    with pytest.raises(DataError, match="damaged; delete this file"):
        for split in SPLITS:
            again = ImageFolder(split, root=root)
            again.batch(torch.arange(len(again)), None)
    kept.unlink()
    assert torch.equal(ImageFolder("train", root=root).batch(torch.arange(9), None).samples, whole["train"].batch(
        torch.arange(9), None).samples)  # fmt: skip


def test_streamed_images_of_16_bits_are_those_in_memory(folder: Folder) -> None:
    root = folder({"%d.png": 12}, shape=(8, 8), type=np.uint16)
    options = {"root": root, "background": "1%", "white": "99%"}
    one, two = (ImageFolder("train", memory=memory, **options) for memory in ("resident", "stream"))
    assert torch.equal(take(one, 12).samples, take(two, 12).samples)


def test_unreadable_files_are_named_or_left_out(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder({"%d.png": 9})
    (root / "3.png").write_bytes((root / "3.png").read_bytes()[:60])
    (root / "photo.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 images cannot be read:(.|\n)*3\.png(.|\n)*photo\.jpg: it is empty"):
        ImageFolder("train", root=root)
    assert sum(len(ImageFolder(split, root=root, damaged="skip")) for split in SPLITS) == 8
    assert "2 images cannot be read and are left out" in capsys.readouterr().err


@pytest.mark.long  # the page of the docs runs another
def test_a_recipe_of_photos_runs(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"a/%d.png": 12, "b/%d.png": 12}, shape=(16, 20, 3))
    (tmp_path / "r.yaml").write_text(
        f"""about: photos
data: {{use: basics/images, root: {root}, size: [16, 16], augment: {{flips: x, rotations: 90, noise: 0.05}}}}
generator: {{use: basics/dcgan, latent: 4, width: 4}}
critic: {{use: basics/dcgan, width: 4}}
loss: {{use: basics/hinge}}
train: {{steps: 2, batch: 4}}
evaluate: [{{use: basics/memorisation}}]
"""
    )
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["run", "r.yaml"]) == 0


def test_versions_are_those_that_training_shows(folder: Folder) -> None:
    root = folder({"%d.png": 12})
    samples = take(ImageFolder("train", root=root), 3).samples
    counts = {}
    for flips in ("none", "x", "both"):
        for rotations in (None, 90, "any"):
            data = ImageFolder("train", root=root, augment=Augmentation(flips=flips, rotations=rotations))
            every = variants(data, samples)
            counts[flips, rotations] = len({each.numpy().tobytes() for each in every})
            assert counts[flips, rotations] == len(every)
            for each in every:  # whichever version somebody has, it is one and the same sample
                assert torch.equal(one_version(data, each), one_version(data, samples))
    assert list(counts.values()) == [1, 4, 4, 2, 8, 8, 4, 8, 8]
