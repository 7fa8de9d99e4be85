"""The elements of an h5ad file, looked at before anndata reads them: nothing outside the file, nothing too large."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py

from gantk import machine
from gantk.errors import DataError
from gantk.files import hdf5
from gantk.messages import did_you_mean, printable

LOCATIONS = {None: ("X",), "raw": ("raw/X", "raw.X")}
"""Where a layer stands: the new name first, then that of old files."""

ALLOWED = (*hdf5.FILTERS, 32015, 32001)  # zstd and blosc, where their plugins are loaded already
DEEPEST = 8
MOST = 20_000  # objects within one element
TEXT = 64  # bytes that a text of variable length takes at least, pointer included


class Elements:
    """What may be read of an open h5ad file.

    Args:
        file: the open file.
        path: for messages.
    """

    def __init__(self, file: h5py.File, path: Path):
        self.file = file
        self.path = path
        self.named = printable(str(path))

    def find(self, *names: str) -> h5py.HLObject | None:
        """The first of these elements that the file has ("raw/X", then "raw.X"), looked at; None: it has none.

        Raises:
            DataError: it leads out of the file, is of a kind that h5ad does not have, or too large.
        """
        for name in names:
            found = self._member(name)
            if found is not None:
                total = sum(self._checked(each) for each in self._within(found, name, 0, set()))
                machine.refuse_above_data_limit(total, f"{self.named}: '{printable(name)}'", DataError)
                return found
        return None

    def matrix(self, layer: str | None) -> h5py.HLObject:
        """The element that holds the numbers, looked at, sizes of sparse ones included.

        Args:
            layer: None: X; "raw": those that were kept from before; else the name of a layer.

        Raises:
            DataError: there is none, or what `find` raises.
        """
        names = LOCATIONS.get(layer, (f"layers/{layer}",))
        found = self.find(*names)
        if found is None:
            there = self.layers()
            hint = did_you_mean(
                layer or "X", there, f"there are {', '.join(there)}" if there else "it holds no numbers"
            )
            raise DataError(f"{self.named}: no layer '{printable(layer or 'X')}'; {hint}")
        if isinstance(found, h5py.Group):
            self._check_sparse(found)
        elif len(found.shape or ()) != 2 or found.dtype.kind not in "iufb":
            raise DataError(
                f"{self.named}: '{names[0]}' is {found.dtype} of shape {found.shape}, not a table of numbers"
            )
        else:
            machine.refuse_above_data_limit(4 * prod(found.shape), f"{self.named}: '{names[0]}'", DataError)
        return found

    def layers(self) -> list[str]:
        """What `data.layer` may name: "X", "raw" and the layers."""
        found = [name for name, places in (("X", LOCATIONS[None]), ("raw", LOCATIONS["raw"])) if self._has(places)]
        group = self._member("layers")
        return found + (sorted(group) if isinstance(group, h5py.Group) else [])

    def _has(self, names: tuple[str, ...]) -> bool:
        return any(self._member(name) is not None for name in names)

    def _member(self, name: str) -> h5py.HLObject | None:
        """What stands there, each step of the way by a hard link; None where nothing does."""
        at: Any = self.file
        for part in name.split("/"):
            if not isinstance(at, h5py.Group) or part not in at:
                return None
            if not isinstance(at.get(part, getlink=True), h5py.HardLink):
                raise DataError(
                    f"{self.named}: '{printable(name)}' is a link to something elsewhere, and links are not followed"
                )
            at = at[part]
        return at

    def _within(self, item: Any, name: str, depth: int, seen: set[int]) -> Iterator[h5py.Dataset]:
        """Every data set in an element."""
        address = h5py.h5o.get_info(item.id).addr
        if address in seen or depth > DEEPEST or len(seen) > MOST:
            raise DataError(f"{self.named}: '{printable(name)}' goes in a circle, or holds far too much")
        seen.add(address)
        if isinstance(item, h5py.Dataset):
            yield item
        elif isinstance(item, h5py.Group):
            for key in item:
                inner = self._member_of(item, key, name)
                yield from self._within(inner, f"{name}/{key}", depth + 1, seen)
        else:
            raise DataError(f"{self.named}: '{printable(name)}' is neither a group nor a data set")

    def _member_of(self, group: h5py.Group, key: str, name: str) -> Any:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise DataError(
                f"{self.named}: '{printable(f'{name}/{key}')}' is a link to something elsewhere, and links are not "
                "followed"
            )
        return group[key]

    def _checked(self, dataset: h5py.Dataset) -> int:
        """Bytes that a data set becomes in memory; raises where it is of a kind that h5ad does not have."""
        name = printable(dataset.name or "")
        if dataset.shape is None:
            return 0
        self._check_type(dataset.dtype, name)
        if dataset.is_virtual or dataset.external:
            raise DataError(f"{self.named}: '{name}' takes its numbers from other files, which are not read")
        settings = dataset.id.get_create_plist()
        filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
        if any(each not in ALLOWED for each in filters):
            raise DataError(f"{self.named}: '{name}' is packed by a filter that is not known here (numbers {filters})")
        if dataset.size and dataset.id.get_storage_size() == 0:
            raise DataError(
                f"{self.named}: '{name}' announces {dataset.size:,} entries, which do not stand in the file"
            )
        if dataset.chunks is not None:
            piece = prod(dataset.chunks) * dataset.dtype.itemsize
            machine.refuse_above_data_limit(piece, f"{self.named}: a piece of '{name}'", DataError)
        if dataset.dtype.kind == "O" and dataset.size:
            self._check_texts(dataset, name)
        return dataset.size * max(dataset.dtype.itemsize, TEXT if dataset.dtype.kind in "OSU" else 0)

    def _check_texts(self, dataset: h5py.Dataset, name: str) -> None:
        """Reads texts a few at a time and adds up how long they are: many of them may be one and the same long one."""
        limit = machine.data_limit()
        if limit is None or len(dataset.shape) != 1:
            return
        step, total = max(1, limit // max(self.path.stat().st_size, 1)), 0  # none is longer than the file
        for start in range(0, len(dataset), step):
            total += sum(map(len, dataset[start : start + step]))
            machine.refuse_above_data_limit(total, f"{self.named}: the texts of '{name}'", DataError)

    def _check_type(self, dtype: Any, name: str) -> None:
        """Takes numbers, texts, enumerations (booleans) and tables of these; no references, lists or opaque bytes."""
        if dtype.names is not None:
            for each in dtype.names:
                self._check_type(dtype[each], name)
        elif dtype.kind == "O":
            if h5py.check_string_dtype(dtype) is None:
                raise DataError(f"{self.named}: '{name}' holds references or lists, which h5ad files do not have")
        elif dtype.base.kind not in "biufSU":
            raise DataError(f"{self.named}: '{name}' holds {printable(str(dtype))}, which is not read")

    def _check_sparse(self, group: h5py.Group) -> None:
        """That a sparse matrix is one: its parts fit each other, and no index leads out of it."""
        shape = group.attrs.get("shape", group.attrs.get("h5sparse_shape"))
        parts = [group.get(name) for name in ("data", "indices", "indptr")]
        if shape is None or len(shape) != 2 or not all(isinstance(each, h5py.Dataset) for each in parts):
            raise DataError(
                f"{self.named}: '{printable(group.name)}' is no sparse matrix: data, indices, indptr, shape"
            )
        data, indices, indptr = parts
        rows, columns = (int(each) for each in shape)
        kind = group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", b"csr"))
        by_column = str(kind).find("csc") >= 0
        major, minor = (columns, rows) if by_column else (rows, columns)
        pointers = indptr[()] if indptr.shape == (major + 1,) else None
        right = (
            pointers is not None
            and data.dtype.kind in "iufb"
            and data.shape == indices.shape
            and indices.dtype.kind in "iu"
            and pointers.dtype.kind in "iu"
            and pointers[0] == 0
            and int(pointers[-1]) == data.shape[0]
            and bool((pointers[1:] >= pointers[:-1]).all())
        )
        if not right:
            raise DataError(f"{self.named}: '{printable(group.name)}' is damaged: its parts do not fit each other")
        for start in range(0, len(indices), 2**22):
            part = indices[start : start + 2**22]
            if part.min() < 0 or part.max() >= minor:
                raise DataError(f"{self.named}: '{printable(group.name)}' is damaged: an index leads out of it")
