"""Samples as Python users get them: tensors with a DataSpec, which a notebook shows as a picture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gantk import notebook
from gantk.components.formats import format_for
from gantk.errors import DoesNotFit, FileError
from gantk.files.pictures import write_image
from gantk.interfaces import Samples
from gantk.reporting.pictures import picture_of
from gantk.spec import DataSpec

FEWEST_SHOWN = 16  # samples that a notebook shows …
NUMBERS_SHOWN = 8000  # … or as many more as have this many numbers


@dataclass(repr=False)
class Drawn(Samples):
    """Samples: the tensor `samples`, (B, *spec.shape), its labels and condition, and the `spec` of one sample."""

    @classmethod
    def of(cls, samples: Samples) -> Drawn:
        """The same samples."""
        return cls(**{field.name: getattr(samples, field.name) for field in fields(samples)})

    def __getitem__(self, chosen: slice | Tensor) -> Drawn:
        return Drawn.of(super().__getitem__(chosen))

    def numpy(self) -> NDArray[np.float32]:
        """The samples as an array, (B, *spec.shape)."""
        return self.samples.numpy()

    def letters(self) -> list[str]:
        """One-hot samples as text, the letter with the largest value at each position.

        Raises:
            DoesNotFit: samples that are no sequences of letters.
        """
        axis = self.spec.axes[self.spec.unit_axes]
        if not self.spec.categorical or axis not in self.spec.names or len(self.spec.own_shape) != 2:
            raise DoesNotFit("these samples are not one-hot letters, so they cannot be written as text")
        alphabet = np.asarray([name for name in self.spec.names[axis] if len(name) == 1])  # annotations have long names
        columns = self.samples.reshape(-1, *self.spec.own_shape)[:, : len(alphabet)]  # (B · units, letters, positions)
        indices = columns.argmax(1).numpy()
        return ["".join(row) for row in alphabet[indices]]

    def picture(self, caption: str = "", **parameters: Any) -> Image.Image:
        """All samples in one picture.

        Args:
            caption: printed in it.
            parameters: of the view (`gantk show cells/composite` lists its own).

        Raises:
            GantkError: no view for such samples, or parameters that it does not take.
        """
        return picture_of(self, caption, parameters)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the samples and returns the path; its ending chooses the format (.h5, .ome.tif, .fa, …, .png).

        Raises:
            FileError: the file exists, no format has this ending, or it cannot be written.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise FileError(f"{path} exists already; give another name, or overwrite=True")
        if path.suffix.lower() == ".png":
            write_image(path, self.picture())
        else:
            format_for(path, self.spec).write(path, self)
        return path

    def _repr_png_(self) -> bytes | None:
        if self.spec.view is None or not len(self):
            return None
        number = max(FEWEST_SHOWN, NUMBERS_SHOWN // prod(self.spec.shape))
        return notebook.png(self[:number].picture())

    def __repr__(self) -> str:
        shape = " × ".join(f"{size} {axis}" for size, axis in zip(self.spec.shape, self.spec.axes, strict=True))
        step = f", step {self.attributes['step']}" if "step" in self.attributes else ""
        return f"<{len(self)} samples of {shape}, {self.attributes.get('origin', self.spec.origin)}{step}>"


def read_samples(path: str | Path, like: DataSpec | None = None) -> Drawn:
    """The samples in a file that gantk or another program wrote: HDF5, OME-TIFF, FASTA, ….

    Args:
        path: the file.
        like: whose formats are tried before others of the same ending; None: nobody's.

    Raises:
        GantkError: no such file, no format with its ending, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    return Drawn.of(format_for(path, like).read(path))
