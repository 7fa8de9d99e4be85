"""Files as runs write them: atomic, sealed with a checksum, locked."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.files import hdf5
    from gantk.files.atomic import read_lines, write_bytes
    from gantk.files.compressed import content_of, unpacked
    from gantk.files.latents import Latents
    from gantk.files.whole import refuse_devices, whole_file

__all__ = [
    "Latents",
    "content_of",
    "hdf5",
    "read_lines",
    "refuse_devices",
    "unpacked",
    "whole_file",
    "write_bytes",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "": ["hdf5"],
        "atomic": ["read_lines", "write_bytes"],
        "compressed": ["content_of", "unpacked"],
        "latents": ["Latents"],
        "whole": ["refuse_devices", "whole_file"],
    },
)
