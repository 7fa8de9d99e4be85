"""Reads what wandb writes offline: LevelDB's log format around messages of protobuf, as `wandb sync` reads it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
HEADER = 7


def records(path: Path) -> Iterator[Any]:
    """The messages of a file run-ID.wandb, in order."""
    from wandb.proto import wandb_internal_pb2

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    at, parts = HEADER, b""
    while at + HEADER <= len(content):
        left = BLOCK - at % BLOCK
        if left < HEADER:  # a block's end, too short for a header
            at += left
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + HEADER])
        parts += content[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(parts)
            parts = b""


def items(message: Any) -> dict[str, Any]:
    """The items of a row, of a summary or of a configuration."""
    found = message.item if hasattr(message, "item") else message.update
    return {"/".join(each.nested_key) or each.key: json.loads(each.value_json) for each in found}
