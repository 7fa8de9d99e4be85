"""Expression files of strangers: nothing outside the file is read, nothing is run, nothing fills the memory."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from gantk_expression.files.reading import read_expression
from scipy import sparse

from gantk.errors import DataError
from gantk.machine import DATA_MEMORY
from tests.helpers.damage import OTHER_FORMATS, cuts, refused

anndata = pytest.importorskip("anndata")
pandas = pytest.importorskip("pandas")

VALUES = np.random.default_rng(0).poisson(0.8, (8, 5)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound h5ad file, in the working directory."""
    monkeypatch.chdir(tmp_path)
    obs = pandas.DataFrame(
        {"type": pandas.Categorical(list("ab" * 4))}, index=pandas.Index([f"c{i}" for i in range(8)], dtype=object)
    )
    var = pandas.DataFrame(index=pandas.Index([f"g{i}" for i in range(5)], dtype=object))
    anndata.AnnData(sparse.csr_matrix(VALUES), obs=obs, var=var).write_h5ad("own.h5ad")
    return tmp_path / "own.h5ad"


def replaced(file: h5py.File, name: str, **made: Any) -> None:
    del file[name]
    file.create_dataset(name, **made)


def external_link(file: h5py.File) -> None:
    del file["X"]
    file["X"] = h5py.ExternalLink("/etc/passwd", "/X")


def soft_link(file: h5py.File) -> None:
    file.move("X", "other")
    file["X"] = h5py.SoftLink("/other")


def inner_link(file: h5py.File) -> None:
    del file["X/data"]
    file["X/data"] = h5py.ExternalLink("elsewhere.h5", "/data")


def external_storage(file: h5py.File) -> None:
    replaced(file, "X", shape=(8, 5), dtype="f4", external=[("/etc/passwd", 0, 160)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((8, 5), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (8, 5))
    del file["X"]
    file.create_virtual_dataset("X", layout)


def references(file: h5py.File) -> None:
    replaced(
        file, "obs/type/categories", data=np.array([file.ref, file.ref], dtype=h5py.ref_dtype), dtype=h5py.ref_dtype
    )


def opaque(file: h5py.File) -> None:
    replaced(file, "obs/_index", data=np.array([b"cposix\nsystem\n"] * 8, dtype="V16"))


def nothing_there(file: h5py.File) -> None:
    replaced(file, "X", shape=(8, 5), dtype="f4", chunks=(8, 5))


def announced(file: h5py.File) -> None:
    replaced(file, "X", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000))
    file["X"][0, 0] = 1


def bomb(file: h5py.File) -> None:
    replaced(file, "X", shape=(8, 10**8), dtype="f4", chunks=(8, 10**6), compression="gzip")
    file["X"][:, :10] = 1


def index_outside(file: h5py.File) -> None:
    file["X/indices"][0] = 10**6


def pointer_back(file: h5py.File) -> None:
    file["X/indptr"][3] = 10**6


def shape_larger(file: h5py.File) -> None:
    file["X"].attrs["shape"] = np.array([10**9, 5])


def texts_for_numbers(file: h5py.File) -> None:
    replaced(file, "X", data=np.full((8, 5), b"x"))


def fewer_names(file: h5py.File) -> None:
    replaced(file, "var/_index", data=np.array(["a", "b"], dtype=object), dtype=h5py.string_dtype())
    file["var/_index"].attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def no_obs(file: h5py.File) -> None:
    del file["obs"]


def circle(file: h5py.File) -> None:
    file["obs/type/again"] = file["obs"]


def category_outside(file: h5py.File) -> None:
    file["obs/type/codes"][0] = 99


def strange_encoding(file: h5py.File) -> None:
    file["X"].attrs["encoding-type"] = "pickle"


HOSTILE: dict[Callable[[h5py.File], None], str] = {
    external_link: "links are not followed",
    soft_link: "links are not followed",
    inner_link: "links are not followed",
    external_storage: "takes its numbers from other files",
    virtual: "takes its numbers from other files",
    references: "references or lists",
    opaque: "which is not read",
    nothing_there: "do not stand in the file",
    announced: "data may take",
    bomb: "data may take",
    index_outside: "an index leads out of it",
    pointer_back: "its parts do not fit each other",
    shape_larger: "its parts do not fit each other",
    texts_for_numbers: "not a table of numbers",
    fewer_names: "for 8 samples and 2 genes",
    no_obs: "has no 'obs'",
    circle: "goes in a circle",
    category_outside: "damaged",
    strange_encoding: "damaged, or no h5ad file",
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_a_hostile_h5ad_is_refused_with_the_reason(
    change: Callable[[h5py.File], None], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(path, "r+") as file:
        change(file)
    monkeypatch.setenv(DATA_MEMORY, "500MB")
    with pytest.raises(DataError, match=HOSTILE[change]):
        read_expression(path)


def test_a_text_that_would_fill_the_memory_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(path, "r+") as file:
        replaced(file, "obs/_index", data=np.array(["x" * 10**7] * 8, dtype=object), dtype=h5py.string_dtype())
    monkeypatch.setenv(DATA_MEMORY, "10MB")
    with pytest.raises(DataError, match="data may take"):
        read_expression(path)


def test_nothing_of_uns_is_read_but_what_gantk_wrote(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["uns/code"] = np.void(b"\x80\x04cposix\nsystem\n")
        file["uns/elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
        file["uns/gantk"] = "[]"
    assert read_expression(path)[0].genes[0] == "g0"


def test_damaged_files_end_a_command_with_one_message(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = path.read_bytes()
    for number, damaged in enumerate([*cuts(content, 6), *OTHER_FORMATS.values()]):
        wrong = Path(f"wrong{number}.h5ad")
        wrong.write_bytes(damaged)
        assert "wrong" in refused(capsys, "inspect", wrong, "--force")


@pytest.mark.parametrize("ending", [".gct", ".csv", ".tsv"])
def test_other_files_under_the_name_of_a_table(ending: str, tmp_path: Path) -> None:
    for name, content in OTHER_FORMATS.items():
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(content)
        with pytest.raises(DataError):
            read_expression(path)


def test_packed_tables_that_grow_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_MEMORY, "10MB")
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"cell,A\n" + b"c,1\n" * 10**7))
    with pytest.raises(DataError, match="data may take"):
        read_expression(path)
    wide = tmp_path / "b.csv"
    wide.write_bytes(b"," * 4_000_000 + b"\n1\n")
    with pytest.raises(DataError, match="data may take"):
        read_expression(wide)
    announced = tmp_path / "c.gct"
    announced.write_text("#1.3\n999999\t999999\t0\t0\nid\ta\n")
    with pytest.raises(DataError, match="data may take"):
        read_expression(announced)


def test_names_of_strangers_do_not_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("cell,\x1b[31mA\nc1,x\nc2,1\n" + "c3,1\n" * 300)
    with pytest.raises(DataError) as error:
        read_expression(path, genes_in="columns")
    assert "\x1b" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.h5ad")
    with pytest.raises(DataError, match="is a pipe"):
        read_expression(tmp_path / "a.h5ad")
