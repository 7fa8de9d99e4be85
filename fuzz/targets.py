"""What is fuzzed: each target takes bytes, and may raise errors that gantk raises on purpose, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from gantk_dna.files.cleaning import encode_all
from gantk_dna.files.genome import read_bed
from gantk_dna.files.sequences import read_sequences
from gantk_dna.files.tables import number_in, read_table

from gantk.components.registry import installed_registry
from gantk.errors import GantkError
from gantk.files import hdf5
from gantk.files.text import read_text
from gantk.recipe.recipe import recipe_from_text
from gantk.training import checkpoint

for declared in installed_registry().components:
    installed_registry().load(declared)  # now, so that no input is blamed for the time that imports take

FOLDER = Path(tempfile.mkdtemp(prefix="gantk-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = FOLDER / name
    path.write_bytes(data)
    return path


def recipe(data: bytes) -> None:
    """The recipe loader, whole: file, YAML, components, defaults. What resolves must resolve again to the same."""
    text = read_text(_file("recipe.yaml", data))
    loaded = recipe_from_text(text, "fuzz")
    assert recipe_from_text(loaded.to_yaml(), "fuzz").values == loaded.values


def sequences(data: bytes) -> None:
    """FASTA and one sequence a line, plain and gzip."""
    path = _file("data.fa", data)
    encode_all(path, read_sequences(path), "iupac")


def bed(data: bytes) -> None:
    """BED intervals."""
    for interval in read_bed(_file("data.bed", data), {"chr1": 1000, "chr2": 50}):
        assert 0 <= interval.start < interval.end <= 1000
        assert abs(interval.score) < float("inf")


def table(data: bytes) -> None:
    """Tables of sequences, and the numbers in them."""
    path = _file("data.csv", data)
    for record in read_table(path):
        for column in record.fields:
            number_in(path, record, [column])


def checkpoint_file(data: bytes) -> None:
    """The checkpoint reader behind its seal: the HDF5 part is fuzzed and sealed anew."""
    content = data[hdf5.BLOCK :] if data.startswith(checkpoint.MAGIC) else data
    checkpoint.read_checkpoint(_file("step-1.h5", hdf5.header(checkpoint.MAGIC, content) + content))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "recipe": recipe,
    "sequences": sequences,
    "bed": bed,
    "table": table,
    "checkpoint": checkpoint_file,
}


def tried(name: str, data: bytes) -> str | None:
    """One input: None where it was read, else what was said. Any other error is what is looked for.

    Args:
        name: of the target.
        data: the input.
    """
    try:
        TARGETS[name](data)
    except GantkError as error:
        return str(error)
    return None
