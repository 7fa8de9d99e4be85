"""A trained generator alone, in a file or in a folder that `gantk export` wrote: it can be sampled, not trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gantk.errors import FileError, MissingExtra
from gantk.files.whole import whole_file
from gantk.spec import DataSpec
from gantk.training.checkpoint import Checkpoint, read_checkpoint, store, to_bytes
from gantk.training.state import Held, State

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FORMAT = 1


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


def read_any(path: Path) -> Checkpoint:
    """A checkpoint file, or the generator in a folder. Raises FileError where it is neither, or damaged."""
    return read_generator_folder(path) if path.is_dir() else read_checkpoint(path)


def read_generator_folder(path: Path) -> Checkpoint:
    """Reads the generator in a folder, checked.

    Raises:
        FileError: a file is damaged, is not gantk's, or was written by a newer gantk.
        MissingExtra: safetensors is not installed.
    """
    try:
        from safetensors.numpy import load
    except ImportError as error:
        raise MissingExtra(
            f"{path}: to read it needs the package safetensors, which is not here: pip install 'gantk[safetensors]'"
        ) from error
    try:
        said = json.loads(whole_file(path / CONFIG, FileError))
        facts = said["gantk"]
        if facts["format"] != FORMAT:
            raise FileError(f"{path / CONFIG}: has format {facts['format']}, but this gantk reads {FORMAT}: update it")
        texts: dict[str, Any] = {key: facts[key] for key in ("recipe", "spec", "checkpoint")}
        step, plugins = facts["step"], facts["plugins"]
        strange = [key for key, value in texts.items() if not isinstance(value, str)]
        if strange or not isinstance(step, int) or not isinstance(plugins, dict):
            raise ValueError("it says nothing of the model")
        spec = DataSpec.from_json(texts["spec"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path / CONFIG}: is no description of a model of gantk's ({error}); export it anew"
        ) from error
    try:
        weights = load(whole_file(path / WEIGHTS, FileError))
    except FileError:
        raise
    except Exception as error:  # safetensors' own errors
        raise FileError(f"{path / WEIGHTS}: damaged: {str(error).splitlines()[0]}. Export the model anew") from error
    wrong = [name for name, values in weights.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]
    if wrong:
        raise FileError(f"{path / WEIGHTS}: damaged: weights that are not finite: {', '.join(wrong[:5])}")
    return Checkpoint(
        path=path,
        step=step,
        recipe=texts["recipe"],
        spec=spec,
        plugins={str(name): str(version) for name, version in plugins.items()},
        best={},
        restorations=[],
        digest=texts["checkpoint"],
        tensors={"generator": weights},
        optimizers={},
    )
