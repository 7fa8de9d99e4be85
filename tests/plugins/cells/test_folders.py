"""The data set `lin`: what it finds, what it refuses, what it keeps; `simulated` is the same through another door."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from click.testing import CliRunner
from gantk_basics.files.images.decode import decode
from gantk_cells.commands.simulate_cells import simulate_cells
from gantk_cells.data.lin import Lin
from gantk_cells.data.simulated import Simulated
from PIL import Image

from gantk.data import take
from gantk.errors import DataError

Tree = Callable[..., Path]
LIN = {"LIN_train/Alp14": 9, "LIN_train/Arp3": 6, "LIN_test/Alp14": 3, "LIN_test/Arp3": 2}


def test_pairs(tree: Tree) -> None:
    root = tree(LIN)
    train, validation, test = (Lin(split, root=root, validation=0.2) for split in ("train", "validation", "test"))
    assert len(train) + len(validation) == 15 and len(test) == 5
    assert train.spec.shape == (2, 8, 12) and train.spec.classes == ("Alp14", "Arp3")
    assert train.spec.names["channel"] == ("Bgs4", "protein") and train.spec.view == "cells/composite"
    taken = take(test, 5)
    assert taken.labels is not None and taken.labels.tolist() == [0, 1, 0, 1, 0]  # the first few show every class
    pixels = np.asarray(Image.open(root / "LIN_test/Arp3/cell100001.png"))
    np.testing.assert_allclose(taken.samples[3].numpy(), pixels.transpose(2, 0, 1)[:2] / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("place", ["", "LIN_train", "LIN_test"])
def test_root_may_be_any_of_the_folders(tree: Tree, place: str) -> None:
    root = tree(LIN)
    assert len(Lin("test", root=root / place)) == 5
    assert Lin("test", root=root / place, proteins=["Arp3", "Alp14"]).spec.classes == ("Arp3", "Alp14")
    (root / "other_train" / "Alp14").mkdir(parents=True)  # no test folder beside it: it does not count
    assert len(Lin("test", root=root / place)) == 5


def test_without_a_test_folder_the_train_folder_is_split(tree: Tree) -> None:
    root = tree({"LIN_train/Alp14": 9, "LIN_train/Arp3": 9})
    for place in (root, root / "LIN_train"):
        assert sum(len(Lin(split, root=place)) for split in ("train", "validation", "test")) == 18
    assert Lin("test", root=root / "LIN_train/Arp3").spec.classes == ("Arp3",)


@pytest.mark.parametrize("place", ["LIN_train/Arp3", "LIN_test/Arp3"])
def test_root_may_be_one_protein(tree: Tree, place: str) -> None:
    root = tree(LIN)
    assert Lin("train", root=root / place).spec.classes == ("Arp3",)
    assert len(Lin("test", root=root / place)) == 2
    with pytest.raises(DataError, match="folder of Arp3 alone"):
        Lin("test", root=root / place, proteins=["Alp14"])


def test_own_folder_is_split_by_the_names_of_files(tree: Tree) -> None:
    root = tree({"round": 40, "long": 30, "empty": 0, ".hidden": 3})
    splits = {split: Lin(split, root=root, test=0.2) for split in ("train", "validation", "test")}
    assert splits["train"].spec.classes == ("long", "round")
    assert sum(map(len, splits.values())) == 70
    assert len(splits["train"]) > 40 and min(len(splits["validation"]), len(splits["test"])) >= 2
    images = {tuple(image.ravel().tolist()) for part in splits.values() for image in part.stored}
    assert len(images) == 70  # no image is in two splits
    before = splits["test"].stored
    (root / "long" / "notes.txt").write_text("not an image")
    assert torch.equal(Lin("test", root=root, test=0.2).stored, before)


def test_a_folder_of_images_is_one_class(tree: Tree) -> None:
    assert Lin("train", root=tree({"round": 12}) / "round").spec.classes == ("round",)


def test_per_class(tree: Tree) -> None:
    data = Lin("train", root=tree(LIN), layout="per_class", proteins=["Arp3", "Alp14"], validation=0.2)
    assert data.spec.shape == (2, 2, 8, 12) and data.spec.unit_axes == 1 and data.spec.units == (2,)
    assert data.spec.names["protein"] == ("Arp3", "Alp14") and data.spec.classes == ()
    counts = data.counts.tolist()
    assert len(data) == max(counts)
    indices = torch.arange(len(data))
    plain = data.batch(indices, None).samples
    images = [part.float() / 127.5 - 1 for part in data.stored.split(counts)]
    for k, count in enumerate(counts):
        torch.testing.assert_close(plain[:, k], images[k][indices % count])
    data.flips = ()
    drawn = data.batch(indices, torch.Generator().manual_seed(1)).samples
    for k, count in enumerate(counts):  # one offset for the class: the same images, moved on
        shifts = [o for o in range(count) if torch.allclose(drawn[:, k], images[k][(indices + o) % count], atol=1e-6)]
        assert len(shifts) == 1
    partners = {data.batch(indices[:1], torch.Generator().manual_seed(s)).samples.sum().item() for s in range(30)}
    assert len(partners) > 10


def test_flips_are_independent_and_repeatable(tree: Tree) -> None:
    data = Lin("train", root=tree(LIN), layout="per_class")
    data.counts = torch.ones_like(data.counts)  # always the same images, so that only flips differ
    batches = [data.batch(torch.zeros(64, dtype=torch.int64), torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(batches[0].samples, batches[1].samples)
    image = data.batch(torch.zeros(1, dtype=torch.int64), None).samples[0, 0]
    turned = [image, image.flip(1), image.flip(2), image.flip(1, 2)]
    seen = torch.tensor([[torch.equal(drawn[0], version) for version in turned] for drawn in batches[0].samples])
    assert (seen.sum(1) == 1).all() and (seen.sum(0) > 5).all()


def test_16_bit_tiff_and_channels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 5000, (12, 3, 8, 10), np.uint16)
    folder = tmp_path / "own" / "kind"
    folder.mkdir(parents=True)
    for i, image in enumerate(pixels):
        tifffile.imwrite(folder / f"{i:02}.tif", image, photometric="minisblack", metadata={"axes": "CYX"})
    data = {split: Lin(split, root=tmp_path / "own", channels=[2, 0, 1], white=4095) for split in ("train", "test")}
    assert data["train"].spec.names["channel"] == ("channel 2", "channel 0", "channel 1")
    expected = np.minimum(pixels[:, [2, 0, 1]], 4095) / 4095 * 2 - 1  # no bit is lost
    for part in data.values():
        for image in take(part, len(part)).samples.numpy():
            assert np.isclose(expected, image, atol=1e-6).all(axis=(1, 2, 3)).sum() == 1


def test_dark_channels_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "own" / "kind"
    folder.mkdir(parents=True)
    for i in range(4):
        pixels = np.full((8, 8), 4000, np.uint16)
        pixels[0, 0] = i
        Image.fromarray(pixels).save(folder / f"{i}.png")
    Lin("train", root=tmp_path / "own", channels=[0])
    assert "channel 0 is dark: its brightest pixel is 4000 of 65535" in capsys.readouterr().err
    assert (Lin("train", root=tmp_path / "own", channels=[0], white=4000).stored[..., 1:] == 1).all()
    assert capsys.readouterr().err == ""


def write_tiff(path: Path, pixels: np.ndarray, axes: str) -> Path:
    tifffile.imwrite(path, pixels, photometric="rgb" if "S" in axes else "minisblack", metadata={"axes": axes})
    return path


def test_forms_of_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (6, 9, 3), np.uint8)  # (H, W, C)
    deep = rng.integers(0, 65536, (6, 9), np.uint16)
    pngs = {"L": colour[..., 0], "LA": colour[..., :2], "RGB": colour, "I;16": deep}
    for mode, pixels in pngs.items():
        path = tmp_path / f"{len(mode)}.png"
        Image.fromarray(pixels).save(path)
        expected = pixels[..., :1] if mode == "LA" else np.atleast_3d(pixels)  # alpha is no channel
        assert np.array_equal(decode(path).images[0], expected.transpose(2, 0, 1)), mode
    Image.fromarray(colour).quantize(256).save(tmp_path / "palette.png")
    assert decode(tmp_path / "palette.png").images.shape == (1, 3, 6, 9)
    tiffs = {"YXS": colour, "CYX": colour.transpose(2, 0, 1), "YX": deep, "QYX": np.stack([deep] * 5)}
    for axes, pixels in tiffs.items():
        expected = pixels.transpose(2, 0, 1) if axes == "YXS" else pixels.reshape(-1, 6, 9)
        decoded = decode(write_tiff(tmp_path / f"{axes}.tif", pixels, axes))
        assert np.array_equal(decoded.images[0], expected), axes
        assert decoded.colour == (axes == "YXS")


def test_sizes_can_be_made_equal(tree: Tree) -> None:
    root = tree({"a": 5}, 8, 12)
    tree({"b": 5}, 16, 24)
    assert Lin("train", root=root, size=[10, 14]).spec.shape == (2, 10, 14)


def spoil(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


def odd_size(root: Path) -> None:
    Image.new("RGB", (9, 9)).save(root / "LIN_train/Arp3/odd.png")


def grey(root: Path) -> None:
    Image.new("L", (12, 8)).save(root / "LIN_train/Arp3/cell000000.png")


def floats(root: Path) -> None:
    tifffile.imwrite(root / "LIN_train/Arp3/a.tif", np.zeros((8, 12), np.float32))


def movie(root: Path) -> None:
    pixels = np.zeros((4, 2, 8, 12), np.uint8)
    tifffile.imwrite(root / "LIN_train/Arp3/a.tif", pixels, photometric="minisblack", metadata={"axes": "TCYX"})


def link_out(root: Path) -> None:
    (root.parent / "secret.png").write_bytes((root / "LIN_train/Arp3/cell100000.png").read_bytes())
    (root / "LIN_train/Arp3/link.png").symlink_to(root.parent / "secret.png")


def folder_link_out(root: Path) -> None:
    (root.parent / "elsewhere").mkdir()
    (root / "LIN_train/Zz9").symlink_to(root.parent / "elsewhere")


def nothing(root: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("damage", "parameters", "says"),
    [
        (nothing, {"root": "nowhere"}, ["no such folder", "Dodgson", "_train/Alp14/", "data.use=cells/simulated"]),
        (nothing, {"proteins": ["Alp41"]}, ["no protein 'Alp41'", "Did you mean Alp14?"]),
        (nothing, {"proteins": ["Arp3", "Arp3"]}, ["twice"]),
        (nothing, {"channels": [0, 3]}, ["cell100000.png has 3 channels", "no channel 3", "data.channels=[0, 1, 2]"]),
        (nothing, {"channel_names": ["red"]}, ["1 names for 2 channels"]),
        (lambda root: [file.unlink() for file in (root / "LIN_test/Arp3").iterdir()], {}, ["no images in", "Arp3"]),
        (lambda root: (root / "LIN_test/Arp3").rename(root / "LIN_test/Arp"), {}, ["no protein 'Arp3'", "mean Arp?"]),
        (lambda root: spoil(root / "LIN_train/Arp3/cell100001.png", 90), {}, ["1 image", "cell100001", "=skip"]),
        (lambda root: spoil(root / "LIN_train/Arp3/cell100001.png", 0), {}, ["1 image", "cell100001", "=skip"]),
        (odd_size, {}, ["unequal size", "odd.png is 9 × 9", "data.size=[12, 12] data.fit=pad"]),
        (grey, {}, ["cell000000.png has 1 channel,", "data.channels=[0]"]),
        (floats, {}, ["a.tif has 1 channel,", "data.channels=[0]"]),
        (movie, {}, ["a.tif is 4 × 2 × 8 × 12 (TCYX), a time series", "Stack Splitter"]),
        (link_out, {}, ["link.png is a link that leads out of"]),
        (folder_link_out, {}, ["Zz9 is a link that leads out of"]),
    ],
)
def test_errors_say_what_and_how(
    tree: Tree, damage: Callable[[Path], object], parameters: dict, says: list[str]
) -> None:
    root = tree(LIN)
    damage(root)
    if "root" in parameters:
        root = root / parameters["root"]
    parameters = {**parameters, "root": root}
    with pytest.raises(DataError) as caught:
        for split in ("train", "test"):
            Lin(split, **parameters)
    for text in says:
        assert text in str(caught.value)


def test_no_images_and_too_few(tree: Tree) -> None:
    with pytest.raises(DataError, match="no images in"):
        Lin("train", root=tree({"a": 0}))
    with pytest.raises(DataError, match="b has only 2 images: too few"):
        Lin("train", root=tree({"b": 2}))


def test_several_data_sets_are_not_guessed(tree: Tree) -> None:
    with pytest.raises(DataError, match=r"several(.|\n)*small_train"):
        Lin("train", root=tree(LIN | {"small_train/A": 1, "small_test/A": 1}))


def test_damaged_files_can_be_left_out(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(LIN)
    spoil(root / "LIN_test/Arp3/cell100000.png", 100)
    for _ in range(2):  # read, and from the cache
        assert len(Lin("test", root=root, damaged="skip")) == 4
        assert "1 image cannot be read and is left out" in capsys.readouterr().err
        with pytest.raises(DataError, match="cell100000"):
            Lin("test", root=root)


def test_truncated_tiff_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "own" / "kind"
    folder.mkdir(parents=True)
    for i in range(6):
        tifffile.imwrite(folder / f"{i}.tif", np.full((40, 40), 9, np.uint16))
    spoil(folder / "3.tif", 2000)
    with pytest.raises(DataError, match=r"3\.tif"):
        Lin("train", root=tmp_path / "own", channels=[0])


def test_names_of_folders_cannot_command_a_terminal(tree: Tree) -> None:
    root = tree({"a\x1b[31m": 9, "b": 9})
    assert Lin("train", root=root).spec.classes == ("a\\x1b[31m", "b")


def test_cache(tree: Tree, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk_basics.files.images import read_file

    root = tree(LIN)
    decoded: list[Path] = []
    decode = read_file.decode
    monkeypatch.setattr(read_file, "decode", lambda path, **how: decoded.append(path) or decode(path, **how))

    def read() -> int:
        decoded.clear()
        Lin("train", root=root)
        return len(decoded)

    assert [read(), read()] == [20, 0]  # of both folders: no test image may be a training image
    files = set(root.rglob("*"))
    changed = root / "LIN_train/Arp3/cell100002.png"
    os.utime(changed, ns=(1, 1))
    assert [read(), read()] == [6, 0]  # only the folder that changed
    changed.rename(changed.with_name("cell1.png"))
    assert [read(), read()] == [6, 0]
    changed.with_name("cell1.png").unlink()
    assert [read(), read()] == [5, 0]
    for kept in own_cache.glob("*.h5"):
        kept.write_bytes(kept.read_bytes()[:700])
    assert [read(), read()] == [19, 0]
    assert set(root.rglob("*")) < files  # nothing is written to the data
    assert not list(own_cache.glob(".*.part"))
    Lin("train", root=root, channels=[0])
    assert len(decoded) == 19


def test_without_a_place_for_the_cache(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "file"))
    assert len(Lin("test", root=tree(LIN))) == 5
    assert "cannot keep a cache" in capsys.readouterr().err


def test_simulated_is_lin_on_what_the_command_writes(tmp_path: Path) -> None:
    out = tmp_path / "tree"
    arguments = [
        str(out),
        "--cells",
        "12",
        "--test-cells",
        "4",
        "--seed",
        "3",
        "--protein",
        "Tea1",
        "--protein",
        "Arp3",
    ]
    result = CliRunner().invoke(simulate_cells, arguments)
    assert result.exit_code == 0 and result.stdout.strip() == str(out)
    same = {"proteins": ["Tea1", "Arp3"], "validation": 0.25}
    for layout in ("pairs", "per_class"):
        for split in ("train", "validation", "test"):
            simulated = Simulated(split, cells=12, test_cells=4, seed=3, layout=layout, **same)
            read = Lin(split, root=out, layout=layout, **same)
            assert torch.equal(simulated.stored, read.stored) and len(simulated) == len(read)
            assert simulated.spec.origin == "simulated" and read.spec == simulated.spec
            batch = simulated.batch(torch.arange(2), torch.Generator().manual_seed(0))
            again = read.batch(torch.arange(2), torch.Generator().manual_seed(0))
            assert torch.equal(batch.samples, again.samples)
            assert set(batch.truth) == {"phase", "red_state"} and not again.truth
            assert batch.truth["phase"].shape == batch.samples.shape[: 1 + simulated.spec.unit_axes]
    assert CliRunner().invoke(simulate_cells, arguments).exit_code == 2  # not empty


def test_simulated_splits_share_no_cell_and_are_kept(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk_cells.data import simulation

    splits = [Simulated(split, cells=20, test_cells=20, proteins=["Mkh1"]) for split in ("train", "validation", "test")]
    assert len({image.numpy().tobytes() for part in splits for image in part.stored}) == 40
    monkeypatch.setattr(simulation, "simulate", None)
    assert torch.equal(Simulated("train", cells=20, proteins=["Mkh1"]).stored, splits[0].stored)
    with pytest.raises(DataError, match=r"'LIN' is not simulated; choose from Alp14"):
        Simulated("train", proteins=["LIN"])
