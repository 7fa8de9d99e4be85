"""What `gantk inspect` asks about folders of images; imports nothing heavy until it is asked to look."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantk.interfaces import Inspection, InspectRequest

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MICROGRAPHS = (".tif", ".tiff")
SIMULATED, LIN = "SIMULATED.txt", "LIN_"  # of `gantk simulate-cells`; of the cells of Dodgson et al. 2017
DEEP, MANY = 4, 2000  # folders below one another, and files, that are looked at


class FolderInspector:
    """Looks at folders of photos, drawings and scans."""

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether a folder holds pictures, and nothing says that they are micrographs: no TIFF, no name of cells."""
        seen, pictures = 0, False
        for place, folders, files in os.walk(path):
            names = [each.lower() for each in files if not each.startswith(".")]
            cells = SIMULATED in files or any(part.startswith(LIN) for part in Path(place).absolute().parts[-2:])
            if cells or any(each.endswith(MICROGRAPHS) for each in names):
                return False
            pictures |= any(each.endswith(PICTURES) for each in names)
            seen += len(files)
            deep = len(Path(place).relative_to(path).parts) >= DEEP
            folders[:] = [] if deep or seen > MANY else [each for each in folders if not each.startswith(".")]
        return pictures

    @staticmethod
    def inspect(request: InspectRequest) -> Inspection:
        """Every image under a folder: classes, counts, sizes, kinds, intensities, damage, duplicates.

        Args:
            request: the folder, keys of the `data` block, parameters of the picture.
        """
        from gantk_basics.inspection.folder_inspection import inspect_folder

        return inspect_folder(request)
