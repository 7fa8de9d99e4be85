"""Arrays that take long to make, kept in HDF5 files: written atomically, ignored when stale or damaged.

Stale is what was made from something else, by other readers than those beside this module, or with other versions of
the libraries that read images.

The files lie in `$GANTK_CACHE`, else `$XDG_CACHE_HOME/gantk`, else `~/.cache/gantk`; any of them may be deleted at
any time. A folder of data is never written to.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gantk.console import warn
from gantk.errors import FileError
from gantk.files import hdf5, write_bytes
from gantk_basics import image_sizes

WORD = b"gantk cache\n"


def folder() -> Path:
    """Where the cache lies."""
    if own := os.environ.get("GANTK_CACHE"):
        return Path(own) / "images"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gantk" / "images"


def digest(*parts: Any) -> str:
    """A name for what these JSON values say."""
    return sha256(json.dumps(parts).encode()).hexdigest()


def state(about: os.stat_result) -> tuple[int, ...]:
    """What says that a file is still the same: number, size, times of its content and of its last change.

    The last of these no program sets back; so a file put there with an older time stamp, or with the size and time of
    the one before, has another state. All machines that see the same network disk say the same of a file.
    """
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@cache
def made_by() -> str:
    """What makes arrays: the source of the readers, and the versions of the libraries."""
    sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(image_sizes.__file__)]
    versions = []
    for name in ("numpy", "scipy", "pillow", "tifffile", "imagecodecs"):
        with suppress(PackageNotFoundError):  # the last one need not be there
            versions.append((name, version(name)))
    return digest(versions, *(source.read_text(encoding="utf-8") for source in sources))


@cache
def made_by_module(file: str) -> str:
    """What else makes arrays, as part of a fingerprint: the source of a module.

    Args:
        file: its `__file__`.
    """
    return digest(Path(file).read_text(encoding="utf-8"))


def load(key: str, fingerprint: str) -> tuple[dict[str, np.ndarray], Any] | None:
    """The arrays and notes kept under `key`, or None where there are none, or they were made from something else.

    Args:
        key: what they are.
        fingerprint: the state of what they are made from.
    """
    remove_unfinished()
    path = folder() / f"{key}.h5"
    try:
        content = path.read_bytes()
        if not content.startswith(WORD) or hdf5.unsealed(content, WORD) is None:
            return None  # damaged, or not ours: it is made anew
        with hdf5.opened(content, path, "a cache", "Delete it") as file:
            if hdf5.read_string(file, "fingerprint") != digest(fingerprint, made_by()):
                return None
            parts = hdf5.members(file)
            return hdf5.arrays(parts["arrays"]), json.loads(hdf5.array(parts["notes"]).tobytes())
    except (OSError, FileError):
        return None


def save(key: str, fingerprint: str, arrays: Mapping[str, np.ndarray], notes: Any) -> None:
    """Keeps arrays and notes under `key`; where the disk does not allow it, the work is merely not saved.

    Args:
        key: what they are; an earlier entry is replaced.
        fingerprint: the state of what they are made from.
        arrays: by name.
        notes: JSON values.
    """
    try:
        folder().mkdir(parents=True, exist_ok=True)
        image = io.BytesIO()
        with h5py.File(image, "w", userblock_size=hdf5.BLOCK) as file:
            hdf5.write_string(file, "fingerprint", digest(fingerprint, made_by()))
            group = file.create_group("arrays")
            for name, values in arrays.items():
                group.create_dataset(name, data=values, chunks=True, compression="lzf")
            file["notes"] = np.frombuffer(json.dumps(notes).encode(), np.uint8)
        content = image.getbuffer()[hdf5.BLOCK :]
        write_bytes(folder() / f"{key}.h5", hdf5.header(WORD, content), content)
    except OSError as error:
        warn(f"cannot keep a cache in {folder()}: {error}")


def remove_unfinished() -> None:
    """Removes what processes that died were writing: of this machine at once, of others after a day."""
    with suppress(OSError):
        for path in folder().glob(".*.part"):
            number = path.name.split(".")[-2]
            dead = os.name == "posix" and number.isdecimal() and not _lives(int(number))
            if dead or time.time() - path.stat().st_mtime > 86400:
                path.unlink(missing_ok=True)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
