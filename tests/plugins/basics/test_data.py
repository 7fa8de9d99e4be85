"""Ring, digits and MNIST: what they hold, how they are split, and what is said of damaged files."""

import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.data.mnist import Mnist, read_idx
from gantk_basics.data.ring import Ring
from sklearn.datasets import load_digits

from gantk.data import Resident, one_version, units_apart, variants
from gantk.errors import DataError
from gantk.spec import DataSpec

SPLITS = ("train", "validation", "test")


def samples(dataset: Resident) -> torch.Tensor:
    return dataset.batch(torch.arange(len(dataset)), None).samples


def test_ring_is_the_mixture_it_says() -> None:
    ring = Ring("train", samples=8000, modes=6, radius=3.0, sigma=0.1, seed=5)
    assert len(ring) == 8000 and len(Ring("test", samples=8000)) == 1600
    assert ring.labels is not None
    for mode in range(6):
        points = ring.stored[ring.labels == mode]
        angle = 2 * np.pi * mode / 6
        assert points.mean(0).tolist() == pytest.approx([3 * np.cos(angle), 3 * np.sin(angle)], abs=0.02)
        assert points.std(0).tolist() == pytest.approx([0.1, 0.1], rel=0.1)
    assert torch.equal(ring.stored, Ring("train", samples=8000, modes=6, radius=3.0, sigma=0.1, seed=5).stored)
    splits = [Ring(split, samples=1000).stored[:50] for split in SPLITS]
    assert not torch.equal(splits[0], splits[1]) and not torch.equal(splits[1], splits[2])


def test_digits_are_scikit_learns_each_in_one_split() -> None:
    found = [Digits(split, seed=3) for split in SPLITS]
    images = torch.cat([samples(split) for split in found])
    expected = torch.from_numpy(load_digits().images).float() / 8 - 1  # 0 … 16 to -1 … 1
    assert torch.equal(
        images.flatten(1).unique(dim=0, return_counts=True)[1], expected.flatten(1).unique(dim=0, return_counts=True)[1]
    )
    assert images.flatten(1).sort(0).values.allclose(expected.flatten(1).sort(0).values)
    whole = np.bincount(load_digits().target)
    for split, share in zip(found, (0.7, 0.15, 0.15), strict=True):
        assert np.abs(np.bincount(split.labels) - share * whole).max() <= 1
    assert torch.equal(samples(found[0]), samples(Digits("train", seed=3)))
    assert not torch.equal(samples(found[0]), samples(Digits("train", seed=4)))


def test_a_rare_digit_is_made_by_leaving_out_training_samples_of_it() -> None:
    def counts(split: str, **options: Any) -> list[int]:
        return np.bincount(Digits(split, **options).labels).tolist()

    zeros, ones = counts("train", only=["1", "0"])
    assert [zeros, ones] == counts("train")[:2] and Digits("train", only=["1", "0"]).spec.classes == ("0", "1")
    rare = {"only": ["0", "1"], "share_of": {"1": 0.05}}
    assert counts("train", **rare) == [zeros, round(zeros / 0.95 * 0.05)]
    assert counts("test", **rare) == counts("test")[:2] and counts("validation", **rare) == counts("validation")[:2]
    assert counts("train", only=["0", "1"], share_of={"0": 0.2, "1": 0.8}) == [round(ones / 4), ones]
    thinned, whole = Digits("train", **rare), Digits("train", only=["0", "1"])
    assert {each.numpy().tobytes() for each in thinned.stored} <= {each.numpy().tobytes() for each in whole.stored}
    assert torch.equal(thinned.stored, Digits("train", **rare).stored)
    other = [Digits("train", **rare, seed=seed).stored[:, 0].float().mean(0) for seed in (0, 1)]
    assert not torch.equal(*other)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"only": ["0", "x"]}, "data.only names a class 'x'.*there are 0, 1"),
        ({"only": ["0", "1"], "share_of": {"2": 0.1}}, "data.share_of names a class '2'"),
        ({"only": ["0", "1"], "share_of": {"1": 0.9}}, "asks for 0.9 of class '1', which is 1125 of 1250 training"),
        ({"only": ["0", "1"], "share_of": {"0": 0.1, "1": 0.1}}, "add up to 0.2, and every class is named"),
        ({"share_of": {"0": 0.6, "1": 0.5}}, "add up to 1.1, which leaves nothing for the others"),
    ],
)
def test_shares_that_cannot_be_had_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Digits("train", **options)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, prefix: str, count: int, ending: str = ".gz") -> None:
    rng = np.random.default_rng(count)
    pack = gzip.compress if ending else bytes
    images, labels = rng.integers(0, 256, (count, 6, 5)), np.arange(count) % 10
    (folder / f"{prefix}-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
    (folder / f"{prefix}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels)))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_takes_the_validation_split_out_of_the_training_files(tmp_path: Path, ending: str) -> None:
    write_mnist(tmp_path, "train", 120, ending)
    write_mnist(tmp_path, "t10k", 30, ending)
    found = {split: Mnist(split, root=tmp_path) for split in SPLITS}
    assert {split: len(one) for split, one in found.items()} == {"train": 100, "validation": 20, "test": 30}
    assert found["train"].spec.shape == (1, 6, 5)
    assert "note" not in found["train"].spec.attributes
    both = torch.cat([found["train"].stored, found["validation"].stored]).flatten(1)
    assert len(both.unique(dim=0)) == 120


def test_mnist_takes_some_digits_in_some_shares(tmp_path: Path) -> None:
    write_mnist(tmp_path, "t10k", 2000)
    found = {split: Mnist(split, root=tmp_path, only=["0", "1"], share_of={"1": 0.05}) for split in SPLITS}
    assert [torch.bincount(each.labels).tolist() for each in found.values()] == [[140, 7], [30, 30], [30, 30]]


def test_mnist_splits_what_is_there_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_mnist(tmp_path, "t10k", 200)
    found = [Mnist(split, root=tmp_path) for split in SPLITS]
    assert [len(one) for one in found] == [140, 30, 30]
    assert all("only the t10k files" in one.spec.attributes["note"] for one in found)
    assert len(caplog.messages) == 1 and "split 70/15/15" in caplog.messages[0]
    assert len(torch.cat([one.stored for one in found]).flatten(1).unique(dim=0)) == 200


def test_the_real_test_digits(test_data: Path) -> None:
    train = Mnist("train", root=test_data / "mnist")
    assert train.spec.shape == (1, 28, 28)
    assert len(train) + len(Mnist("test", root=test_data / "mnist")) < 10000
    values = samples(train)
    assert values.min() == -1 and values.max() == 1
    corners = values[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == -1).float().mean() > 0.999  # black round a digit in the middle
    assert values[:, 0, 10:18, 10:18].mean() > values.mean() + 0.5


DAMAGE = {
    "cut short": (lambda raw: raw[: len(raw) // 2], "damaged gzip"),
    "not gzip behind the first bytes": (lambda raw: raw[:2] + b"\xff" * 40, "damaged gzip"),
    "flipped": (lambda raw: raw[:40] + bytes([raw[40] ^ 255]) + raw[41:], "damaged gzip"),
    "empty": (lambda raw: b"", "starts with nothing"),
    "a page of HTML": (lambda raw: b"<!DOCTYPE html>", "starts with 3c 21 44 4f"),
    "labels": (lambda raw: gzip.compress(idx(np.arange(9))), "not an IDX file of images"),
    "unpacked and cut": (lambda raw: gzip.decompress(raw)[:-9], "announces 20 x 6 x 5 values"),
    "only a head": (lambda raw: gzip.decompress(raw)[:6], "damaged or cut short"),
    "of another set": (lambda raw: gzip.compress(idx(np.zeros((7, 6, 5)))), "do not belong together"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_named(tmp_path: Path, damage: object, message: str) -> None:
    write_mnist(tmp_path, "t10k", 20)
    file = tmp_path / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as raised:
        Mnist("train", root=tmp_path)
    assert str(file) in str(raised.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        Mnist("train", root=tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no IDX files"):
        Mnist("train", root=tmp_path)
    write_mnist(tmp_path, "t10k", 20)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="not t10k-labels-idx1-ubyte"):
        Mnist("train", root=tmp_path)


def test_labels_beyond_nine_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, "t10k", 20)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(20))))
    with pytest.raises(DataError, match="label 19"):
        Mnist("train", root=tmp_path)


def test_other_usual_names_are_found(tmp_path: Path) -> None:
    write_mnist(tmp_path, "t10k", 20, "")
    for kind in ("images-idx3", "labels-idx1"):
        name = f"t10k-{kind}-ubyte"
        shutil.move(tmp_path / name, tmp_path / name.replace("-idx", ".idx"))
    assert len(Mnist("train", root=tmp_path)) == 10  # of each of ten digits one of two
    assert read_idx(tmp_path / "t10k-images.idx3-ubyte", 3).shape == (20, 6, 5)


def test_versions_are_what_training_shows_and_one_stands_for_all() -> None:
    spec = DataSpec((3, 1, 2, 4), ("protein", "channel", "y", "x"), unit_axes=1, range=None)
    stored = torch.randn(5, *spec.shape, generator=torch.Generator().manual_seed(0))
    turned = Resident(spec, stored, flips=("y", "x"))
    assert units_apart(turned)
    assert not units_apart(Resident(spec, stored))
    assert len(variants(Resident(spec, stored), stored)) == 1
    units = stored[:, 1]
    versions = variants(turned, units)
    assert torch.equal(versions[0], units)
    shown = {tuple(image.flatten().tolist()) for image in torch.stack(versions).flatten(0, 1)}
    for seed in range(20):
        drawn = turned.batch(torch.arange(5), torch.Generator().manual_seed(seed)).samples[:, 1]
        assert {tuple(image.flatten().tolist()) for image in drawn} <= shown
    assert len(shown) == 20
    one = one_version(turned, units)
    assert all(torch.equal(one_version(turned, each), one) for each in versions)
