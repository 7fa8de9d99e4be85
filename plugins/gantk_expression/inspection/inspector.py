"""What `gantk inspect` asks about expression files; imports nothing heavy until it is asked to look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantk.interfaces import Inspection, InspectRequest

PACKED = (".gz", ".bz2", ".xz")
ENDINGS = (".h5ad", ".gct", ".csv", ".tsv", ".tab")


class TableInspector:
    """Looks at tables of cells or samples by genes."""

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether this may be expression, by its ending."""
        name = path.name.lower()
        for packed in PACKED:
            name = name.removesuffix(packed)
        return path.is_file() and name.endswith(ENDINGS)

    @staticmethod
    def inspect(request: InspectRequest) -> Inspection:
        """Sizes, what the numbers are, zeros, duplicates, annotation, batch effect, groups without replicates.

        Args:
            request: the file, keys of the `data` block, parameters of the picture.
        """
        from gantk_expression.inspection.inspection import inspect_table

        return inspect_table(request)
