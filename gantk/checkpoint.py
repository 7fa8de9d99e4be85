"""Checkpoints: HDF5 with a checksum, written atomically, read without executing anything.

The file begins with a user block of 512 bytes that holds the SHA-256 of the rest; it is checked before HDF5 sees the
file. Groups `/generator`, `/critic`, `/ema`, `/loss` hold one dataset for each parameter or buffer under its PyTorch
name, `/optimizers/<side>/<number>` the state of each parameter; the root's attributes say what it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from gantk.errors import FileError
from gantk.spec import DataSpec
from gantk.train import State

FORMAT = 1
BLOCK = 512
MAGIC = b"gantk checkpoint\n"


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
    digest: str
    tensors: dict[str, dict[str, np.ndarray]]
    optimizers: dict[str, dict[str, Any]]


def modules_of(state: State) -> dict[str, nn.Module]:
    """The modules of a state under the names of their groups."""
    named = {"generator": state.generator, "critic": state.critic, "ema": state.ema, "loss": state.loss}
    return {name: module for name, module in named.items() if module is not None}


def optimizers_of(state: State) -> dict[str, torch.optim.Optimizer]:
    """The optimisers of a state under the names of their sides."""
    named = {"generator": state.generator_optimizer, "critic": state.critic_optimizer}
    return {name: optimizer for name, optimizer in named.items() if optimizer is not None}


def non_finite(state: State) -> list[str]:
    """Names of the parameters and buffers that hold a NaN or an infinity: such a state is no good checkpoint."""
    tensors = [
        (f"{group}.{name}", value)
        for group, module in modules_of(state).items()
        for name, value in module.state_dict().items()
        if value.is_floating_point()
    ]
    sums = torch.stack([value.abs().sum(dtype=torch.float64) for _, value in tensors]).tolist()
    return [name for (name, _), total in zip(tensors, sums, strict=True) if not np.isfinite(total)]


def write(
    path: Path,
    state: State,
    *,
    recipe: str,
    spec: DataSpec,
    plugins: Mapping[str, str],
    best: Mapping[str, Any] | None = None,
) -> None:
    """Writes a checkpoint under a temporary name, flushes it to the disk, and renames it to `path`.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=BLOCK) as file:
        file.attrs.update(
            format=FORMAT,
            step=state.step,
            recipe=recipe,
            spec=spec.to_json(),
            plugins=json.dumps(dict(plugins)),
            best=json.dumps(dict(best or {})),
        )
        for group, module in modules_of(state).items():
            _write_tensors(file.create_group(group), module.state_dict())
        for side, optimizer in optimizers_of(state).items():
            saved = optimizer.state_dict()
            group = file.create_group(f"optimizers/{side}")
            group.attrs["groups"] = json.dumps(saved["param_groups"])
            for number, values in saved["state"].items():
                _write_tensors(group.create_group(str(number)), values)
    content = image.getbuffer()[BLOCK:]
    header = MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as target:
            target.write(header.ljust(BLOCK, b"\0"))
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_tensors(group: h5py.Group, tensors: Mapping[str, Any]) -> None:
    for name, value in tensors.items():
        array = torch.as_tensor(value).detach().cpu()
        dataset = group.create_dataset(name, data=(array.float() if array.dtype == torch.bfloat16 else array).numpy())
        dataset.attrs["dtype"] = str(array.dtype)


def is_checkpoint(path: Path) -> bool:
    """Whether a file starts as a checkpoint does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path) -> Checkpoint:
    """Reads and checks a whole checkpoint.

    Raises:
        FileError: no such file, not a checkpoint, damaged, or written by a newer gantk.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content.startswith(MAGIC):
        raise FileError(f"{path}: not a gantk checkpoint (those lie in a run's folder: checkpoints/step-<N>.h5)")
    stated = content[len(MAGIC) : len(MAGIC) + 64].decode("ascii", "replace")
    actual = hashlib.sha256(memoryview(content)[BLOCK:]).hexdigest()
    if stated != actual:
        raise FileError(
            f"{path}: damaged: its SHA-256 is not the one it was written with. Use an older checkpoint of that folder."
        )
    with h5py.File(io.BytesIO(content), "r") as file:
        version = int(file.attrs.get("format", -1))
        if version != FORMAT:
            raise FileError(f"{path}: has format {version}, but this gantk reads {FORMAT}: update gantk")
        attrs = file.attrs
        return Checkpoint(
            path=path,
            step=int(attrs["step"]),
            recipe=str(attrs["recipe"]),
            spec=DataSpec.from_json(str(attrs["spec"])),
            plugins=json.loads(str(attrs["plugins"])),
            best=json.loads(str(attrs["best"])),
            digest=actual,
            tensors={name: _read_tensors(file[name]) for name in file if name != "optimizers"},
            optimizers={
                side: {
                    "groups": json.loads(str(group.attrs["groups"])),
                    "state": {int(number): _read_tensors(values) for number, values in group.items()},
                }
                for side, group in file.get("optimizers", {}).items()
            },
        )


def _read_tensors(group: h5py.Group) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    group.visititems(visit)
    return found


@torch.no_grad()
def load_module(module: nn.Module, tensors: Mapping[str, np.ndarray], what: str) -> None:
    """Copies `tensors` into the live module, which keeps its memory format and device.

    Raises:
        FileError: names or shapes differ; the message lists the differences.
    """
    own: dict[str, Tensor] = module.state_dict()
    differences = [f"{name}: missing in the file" for name in own.keys() - tensors.keys()]
    differences += [f"{name}: not in this {what}" for name in tensors.keys() - own.keys()]
    differences += [
        f"{name}: {tuple(tensors[name].shape)} in the file, {tuple(own[name].shape)} here"
        for name in own.keys() & tensors.keys()
        if tuple(tensors[name].shape) != tuple(own[name].shape)
    ]
    if differences:
        shown = "\n  ".join(sorted(differences)[:12])
        more = f"\n  … and {len(differences) - 12} more" if len(differences) > 12 else ""
        raise FileError(f"the weights do not fit this {what}:\n  {shown}{more}")
    for name, value in own.items():
        value.copy_(torch.as_tensor(tensors[name]))


def restore(checkpoint: Checkpoint, state: State) -> None:
    """Makes `state`, built from the checkpoint's recipe, what it was when the checkpoint was written.

    Raises:
        FileError: the checkpoint does not hold what this state needs.
    """
    for name, module in modules_of(state).items():
        load_module(module, checkpoint.tensors.get(name, {}), name)
    for side, optimizer in optimizers_of(state).items():
        if side not in checkpoint.optimizers:
            raise FileError(f"{checkpoint.path}: holds no optimiser state of the {side}, so it cannot be resumed")
        saved = checkpoint.optimizers[side]
        values = {
            number: {name: torch.as_tensor(array) for name, array in tensors.items()}
            for number, tensors in saved["state"].items()
        }
        optimizer.load_state_dict({"state": values, "param_groups": saved["groups"]})
    state.step = checkpoint.step


def load_weights(checkpoint: Checkpoint, state: State) -> None:
    """Takes only the weights (`train.start_from`): nets and average, neither optimisers nor step.

    Raises:
        FileError: the weights do not fit; the message lists the differences.
    """
    for name, module in modules_of(state).items():
        if name == "ema" and name not in checkpoint.tensors:
            load_module(module, checkpoint.tensors["generator"], "generator")
        elif name in checkpoint.tensors:
            load_module(module, checkpoint.tensors[name], name)
