"""What `gantk inspect` asks about images of cells; imports nothing heavy until it is asked to look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gantk.interfaces import Inspection, InspectRequest

Kinds = Literal["proteins", "conditions"]
"""What class folders differ in."""

ENDINGS = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


class ImageInspector:
    """Looks at folders of images, and at files of one or more."""

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether these may be images: a folder, or a file with the ending of one."""
        return path.is_dir() or path.suffix.lower() in ENDINGS

    @staticmethod
    def inspect(request: InspectRequest, *, classes: Kinds | None = None) -> Inspection:
        """Every image under a folder: classes, counts, sizes, channels, intensities, damage, duplicates.

        Args:
            request: the folder, keys of the `data` block, parameters of the picture.
            classes: What class folders differ in: proteins are drawn in one and the same cell, conditions by a net
                each. [default: by their names]
        """
        from gantk_cells.inspection.inspection import inspect_images

        return inspect_images(request, classes)
