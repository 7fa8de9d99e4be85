"""Checkpoints: HDF5 with a checksum, written atomically, read without executing anything.

The file begins with a user block of 512 bytes that holds the SHA-256 of the rest; it is checked before HDF5 sees the
file. Groups `/generator`, `/critic`, `/ema`, `/loss` hold one dataset for each parameter or buffer under its PyTorch
name, `/optimizers/<side>/<number>` the state of each parameter; the root's attributes say what it is.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from gantk.components.registry import plugin_versions
from gantk.errors import FileError
from gantk.files import hdf5
from gantk.files.atomic import write_bytes
from gantk.files.whole import whole_file
from gantk.messages import printable
from gantk.spec import DataSpec
from gantk.training.state import Held, State, held_by, modules_of, optimizers_of
from gantk.training.weights import load_module, load_optimizer, stored_as

FORMAT = 1
MAGIC = b"gantk checkpoint\n"
CURE = "Use an older checkpoint of its folder: `gantk resume RUN --from step-<N>.h5`"


@dataclass
class Checkpoint:
    """What a checkpoint file says.

    Args:
        path: the file.
        step: how many steps were done.
        recipe: the resolved recipe, YAML text.
        spec: the DataSpec of the data that were trained on.
        plugins: plugin name to "distribution version".
        best: what `keep_best` has seen: {"metric", "value", "step"}, or {}.
        restorations: see `gantk.training.state.State`.
        digest: SHA-256 of the content, hexadecimal.
        tensors: group ("generator", "critic", "ema", "loss") to name to array.
        optimizers: side to {"groups": [...], "state": {parameter number: {name: array}}}.
    """

    path: Path
    step: int
    recipe: str
    spec: DataSpec
    plugins: dict[str, str]
    best: dict[str, Any]
    restorations: list[dict[str, Any]]
    digest: str
    tensors: dict[str, dict[str, np.ndarray]]
    optimizers: dict[str, dict[str, Any]]

    @property
    def generator_alone(self) -> bool:
        """Whether it holds a trained generator and nothing to train on with; see `gantk.training.generator_file`."""
        return self.tensors.keys() == {"generator"} and not self.optimizers


def to_bytes(
    held: Held,
    *,
    recipe: str,
    spec: DataSpec,
    plugins: Mapping[str, str],
    best: Mapping[str, Any] | None = None,
) -> memoryview:
    """The HDF5 part of a checkpoint file, in memory."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=hdf5.BLOCK) as file:
        file.attrs.update(format=FORMAT, step=held.step)
        texts = {
            "recipe": recipe,
            "spec": spec.to_json(),
            "plugins": json.dumps(dict(plugins)),
            "best": json.dumps(dict(best or {})),
            "restorations": json.dumps(held.restorations),
        }
        for name, text in texts.items():
            hdf5.write_string(file, name, text)
        for group, tensors in held.tensors.items():
            _write_tensors(file.create_group(group), tensors)
        for side, saved in held.optimizers.items():
            group = file.create_group(f"optimizers/{side}")
            hdf5.write_string(group, "groups", json.dumps(saved["param_groups"]))
            for number, values in saved["state"].items():
                _write_tensors(group.create_group(str(number)), values)
    return memory.getbuffer()[hdf5.BLOCK :]


def write_checkpoint(path: Path, state: State, **attributes: Any) -> None:
    """Writes a checkpoint of `state`: `held_by`, `to_bytes` and `store` in one. See there."""
    store(path, to_bytes(held_by(state), **attributes))


def store(path: Path, content: memoryview) -> None:
    """Writes what `to_bytes` made: under a temporary name, flushed to the disk, then renamed to `path`.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    write_bytes(path, hdf5.header(MAGIC, content), content, flush_to_disk=True)


def _write_tensors(group: h5py.Group, tensors: Mapping[str, Any]) -> None:
    for name, value in tensors.items():
        array = torch.as_tensor(value).detach().cpu()
        dataset = group.create_dataset(name, data=(array.float() if array.dtype == torch.bfloat16 else array).numpy())
        hdf5.write_string(dataset, "dtype", str(array.dtype))


def is_checkpoint(path: Path) -> bool:
    """Whether a file starts as a checkpoint does."""
    return hdf5.starts_with(path, MAGIC)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads and checks a whole checkpoint.

    Raises:
        FileError: no such file, not a checkpoint, damaged, or written by a newer gantk.
    """
    try:
        content = whole_file(path, FileError)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parsed(content, path)


def parsed(content: bytes, path: Path) -> Checkpoint:
    """The content of a checkpoint file, checked.

    Args:
        content: the whole file.
        path: named in messages.

    Raises:
        FileError: not a checkpoint, damaged, or written by a newer gantk.
    """
    if not content:
        raise FileError(f"{path}: is empty. {CURE}")
    if not content.startswith(MAGIC):
        raise FileError(f"{path}: not a gantk checkpoint (those lie in a run's folder: checkpoints/step-<N>.h5)")
    digest = hdf5.unsealed(content, MAGIC)
    if digest is None:
        raise FileError(f"{path}: damaged: its SHA-256 is not the one it was written with. {CURE}")
    with hdf5.opened(content, path, "a checkpoint", CURE) as file:
        version = hdf5.whole(file, "format")
        if version != FORMAT:
            raise FileError(f"{path}: has format {version}, but this gantk reads {FORMAT}: update gantk")
        groups = hdf5.members(file)
        sides = hdf5.members(groups.pop("optimizers")) if "optimizers" in groups else {}
        found = Checkpoint(
            path=path,
            step=hdf5.whole(file, "step"),
            recipe=hdf5.read_string(file, "recipe"),
            spec=DataSpec.from_json(hdf5.read_string(file, "spec")),
            plugins=_texts(json.loads(hdf5.read_string(file, "plugins"))),
            best=_best(json.loads(hdf5.read_string(file, "best"))),
            digest=digest,
            tensors={name: hdf5.arrays(group) for name, group in groups.items()},
            optimizers={side: _optimizer(group) for side, group in sides.items()},
            restorations=_mappings(json.loads(hdf5.read_string(file, "restorations"))),
        )
        wrong = [f"{group}.{name}" for group, tensors in found.tensors.items() for name in _not_finite(tensors)]
        if wrong:
            raise hdf5.NotAsWritten(f"weights that are not finite: {', '.join(wrong[:5])}")
    return found


def _optimizer(group: Any) -> dict[str, Any]:
    groups = _mappings(json.loads(hdf5.read_string(group, "groups")))
    if not all(isinstance(each.get("params"), list) for each in groups):
        raise hdf5.NotAsWritten(f"the optimiser state in {group.name} names no parameters")
    state = {int(number): hdf5.arrays(values) for number, values in hdf5.members(group).items()}
    return {"groups": groups, "state": state}


def _not_finite(tensors: Mapping[str, np.ndarray]) -> list[str]:
    return [name for name, values in tensors.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise hdf5.NotAsWritten("its attribute 'plugins' is not a mapping of names to versions")
    return value


def _best(value: Any) -> dict[str, Any]:
    kinds = {"metric": str, "value": int | float, "step": int}
    if not isinstance(value, dict) or not all(isinstance(each, kinds.get(key, object)) for key, each in value.items()):
        raise hdf5.NotAsWritten("its attribute 'best' is not a mapping of metric, value and step")
    return value


def _mappings(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise hdf5.NotAsWritten("a list of settings is not a list of mappings")
    return value


def refuse_missing_plugins(recipe: str, plugins: Mapping[str, str], path: Path) -> None:
    """Says which distribution brings a plugin that the recipe of a checkpoint names and that is not installed here.

    Args:
        recipe: the resolved recipe, YAML text.
        plugins: plugin name to "distribution version", where the checkpoint was written.
        path: of the checkpoint, for the message.

    Raises:
        FileError: there is one.
    """
    named = set(re.findall(r"\buse: ([a-z][a-z0-9_-]*)/", recipe))
    missing = sorted(named & plugins.keys() - plugin_versions().keys())
    if missing:
        what = ", ".join(f"'{printable(name)}' ({printable(plugins[name])})" for name in missing)
        raise FileError(
            f"{path}: was made with the plugin {what}, which does not work here: install it, or see `gantk doctor`"
        )


def restore(checkpoint: Checkpoint, state: State, *, optimizers: bool = True) -> None:
    """Makes `state`, built from the checkpoint's recipe, what it was when the checkpoint was written.

    Args:
        checkpoint: what was read.
        state: newly built.
        optimizers: False leaves the optimisers as they are: sampling and evaluating need none, and an optimiser of
            another version of torch is then no obstacle.

    Raises:
        FileError: the checkpoint does not hold what this state needs.
    """
    if checkpoint.generator_alone:
        if optimizers:
            raise FileError(f"{checkpoint.path}: holds a generator alone, which can be sampled, not trained on")
        _restore_generator(checkpoint, state)
        return
    modules, own_optimizers = modules_of(state), optimizers_of(state)
    unknown = sorted(checkpoint.tensors.keys() - modules.keys()) + sorted(
        checkpoint.optimizers.keys() - own_optimizers.keys()
    )
    if unknown:
        raise FileError(
            f"{checkpoint.path}: holds {', '.join(map(printable, unknown))}, which this model does not have"
        )
    with _naming(checkpoint.path):
        for name, module in modules.items():
            load_module(module, checkpoint.tensors.get(name, {}), name)
        for side, optimizer in own_optimizers.items() if optimizers else ():
            if side not in checkpoint.optimizers:
                raise FileError(f"no optimiser state of the {side}, so it cannot be resumed")
            load_optimizer(optimizer, checkpoint.optimizers[side], side)
    state.step = checkpoint.step
    state.restorations = list(checkpoint.restorations)


def _restore_generator(checkpoint: Checkpoint, state: State) -> None:
    """Gives the generator and its average the weights of a file that holds no more."""
    with _naming(checkpoint.path):
        for module in (state.generator, state.ema):
            if module is not None:
                own = module.state_dict()
                whole = {
                    name: values.astype(stored_as(own[name])) if name in own else values
                    for name, values in checkpoint.tensors["generator"].items()
                }
                load_module(module, whole, "generator")
    state.step = checkpoint.step


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Prefixes an error with the name of the file."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{path}: {error}") from error


def load_weights(checkpoint: Checkpoint, state: State) -> None:
    """Takes only the weights (`train.start_from`): nets and average, neither optimisers nor step.

    Raises:
        FileError: the weights do not fit; the message lists the differences.
    """
    if checkpoint.generator_alone:
        raise FileError(
            f"{checkpoint.path}: holds a generator alone: beside a new critic it would unlearn what it knows. Give "
            "train.start_from a checkpoint of a run"
        )
    with _naming(checkpoint.path):
        for name, module in modules_of(state).items():
            if name == "ema" and name not in checkpoint.tensors:
                load_module(module, checkpoint.tensors.get("generator", {}), "generator")
            elif name in checkpoint.tensors:
                load_module(module, checkpoint.tensors[name], name)
