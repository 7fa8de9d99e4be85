"""A trained generator as a file of its own: it can be sampled, not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gantk.errors import FileError
from gantk.training.checkpoint import store, to_bytes
from gantk.training.state import Held, State


def write_generator(path: Path, state: State, **attributes: Any) -> None:
    """Writes the generator alone, the average where there is one, in half precision.

    Such a file can be sampled, not trained on. See `to_bytes` for the attributes.
    """
    generator = state.sampled()
    if generator is None:
        raise FileError("there is no generator to write")
    halves = {
        name: value.half() if value.is_floating_point() else value for name, value in generator.state_dict().items()
    }
    store(path, to_bytes(Held(state.step, [], {"generator": halves}, {}), **attributes))
