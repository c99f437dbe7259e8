"""Nested state (dicts, lists, tensors, scalars) as named tensors and plain data, and back."""

from typing import Any

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError


def pack(tree: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Move every tensor of ``tree`` into ``tensors`` under a name of its own; what is left is JSON."""
    if isinstance(tree, Tensor):
        key = f"{len(tensors):05d} {name}"  # numbered: names joined by dots need not differ
        tensors[key] = tree.detach().contiguous().clone()
        return {"tensor": key}
    if isinstance(tree, dict):
        return {"dict": {str(k): pack(v, f"{name}.{k}", tensors) for k, v in tree.items()}}
    if isinstance(tree, list | tuple):
        return {"list": [pack(v, f"{name}.{k}", tensors) for k, v in enumerate(tree)]}
    if isinstance(tree, float):
        return {"float": tree.hex()}  # exact, infinities included
    if tree is None or isinstance(tree, str | int | bool):
        return {"value": tree}
    raise TypeError(f"cannot keep {type(tree).__name__} at {name}")


def unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of ``pack``; raises ``PinnsceneError`` for what it did not write."""
    try:
        ((kind, content),) = packed.items()
        if kind == "tensor":
            return tensors[content]
        if kind == "dict":
            return {k: unpack(v, tensors) for k, v in content.items()}
        if kind == "list":
            return [unpack(v, tensors) for v in content]
        if kind == "float":
            return float.fromhex(content)
        if kind == "value":
            return content
    except (AttributeError, ValueError, KeyError, TypeError) as cause:
        raise PinnsceneError(f"damaged state: {cause!r}") from cause
    raise PinnsceneError(f"damaged state: unknown entry {kind!r}")


def to_device(tree: Any, device: torch.device) -> Any:
    """The tensors of ``tree`` on a device; scalars stay on the CPU, where optimizers keep their step counts."""
    if isinstance(tree, Tensor):
        return tree.to(device) if tree.ndim else tree
    if isinstance(tree, dict):
        return {k: to_device(v, device) for k, v in tree.items()}
    if isinstance(tree, list):
        return [to_device(v, device) for v in tree]
    return tree
