"""0/1 strings as text: one string a line."""

from pathlib import Path

import torch

from gantk.errors import DoesNotFit, FileError
from gantk.files import write_bytes
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_motif.motifs import to_bits

VIEW = "motif/strings"
"""The view that strings of 0s and 1s name, also where a generator's numbers lie between."""


class StringLines:
    """Text: one string of 0s and 1s a line. A number above the middle of its range is a 1."""

    endings = (".txt",)

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all strings.

        Args:
            path: never seen half written.
            samples: (N, 1, L).

        Raises:
            DoesNotFit: samples that are no strings of one channel.
            FileError: the file cannot be written.
        """
        if samples.spec.view != VIEW:
            raise DoesNotFit("text holds strings of 0s and 1s, and these samples are no such strings; take .csv or .h5")
        lines = ("".join(map(str, row)) for row in to_bits(samples.samples, samples.spec).tolist())
        try:
            write_bytes(path, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote.

        Args:
            path: the file.

        Raises:
            FileError: it cannot be read, or holds something else than strings of one length.
        """
        try:
            lines = path.read_text(encoding="utf-8-sig").split()
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, 1):
            if set(line) - {"0", "1"} or len(line) != len(lines[0]):
                raise FileError(f"{path}, line {number}: not a string of {len(lines[0])} letters, each 0 or 1")
        if not lines:
            raise FileError(f"{path}: holds no strings")
        bits = torch.tensor([[float(letter) for letter in line] for line in lines])
        spec = DataSpec((1, bits.shape[1]), ("channel", "position"), range=(0.0, 1.0), view=VIEW)
        return Samples(samples=bits[:, None], spec=spec)
