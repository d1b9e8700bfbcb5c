"""Reads model files, and compares a file of moco with what it was made from."""

import json
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def refuse_differences(old: Path, new: Path) -> None:
    """Makes sure that a file of moco has the tensors of another: names, order, types and bits."""
    if new.suffix == ".safetensors":
        refuse_wrong_checksums(new)
    was, now = load(old), load(new)
    expected = order_in(new, was)
    if list(now) != expected:
        raise ValueError(f"{new}: the names are {list(now)}, expected {expected}")
    for name, tensor in now.items():
        refuse_difference(f"{new}: {name}", was[name], tensor)


def order_in(path: Path, state: dict[str, Tensor]) -> list[str]:
    """Names in the order of a file of moco: in safetensors, the widest types are first."""
    if path.suffix == ".pth":
        return list(state)
    return sorted(state, key=lambda name: -state[name].dtype.itemsize)


def refuse_difference(what: str, was: Tensor, now: Tensor) -> None:
    """Two tensors."""
    if (now.dtype, now.shape) != (was.dtype, was.shape):
        raise ValueError(f"{what} is {now.dtype} {now.shape}, expected {was.dtype} {was.shape}")
    if not now.is_contiguous() or now.requires_grad:
        raise ValueError(f"{what} is not a plain dense tensor")
    if not torch.equal(raw(now), raw(was)):
        raise ValueError(f"{what} has other bits")


def raw(tensor: Tensor) -> Tensor:
    """All bytes in order."""
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of a file in its order, by the loaders that Python's users have."""
    if path.suffix == ".pth":
        return torch.load(path, map_location="cpu", weights_only=True)
    tensors = load_file(path)
    return {name: tensors[name] for name in names_by_place(path)}


def names_by_place(path: Path) -> list[str]:
    """Names in a safetensors file by the place of their bytes."""
    entries = json.loads(header_of(path))
    entries.pop("__metadata__", None)
    return sorted(entries, key=lambda name: entries[name]["data_offsets"])


def header_of(path: Path) -> bytes:
    """The JSON text at a safetensors file's start, after its length."""
    with path.open("rb") as file:
        return file.read(int.from_bytes(file.read(8), "little"))


def refuse_wrong_checksums(path: Path) -> None:
    """CRC-32s that moco keeps: of each tensor, and of the header with zeros in place of its own."""
    header = header_of(path)
    metadata = json.loads(header)["__metadata__"]
    own = metadata["header_crc32"]
    if zlib.crc32(header.replace(own.encode(), b"0" * 8, 1)) != int(own, 16):
        raise ValueError(f"{path}: the header's checksum is wrong")
    checksums = json.loads(metadata["checksums"])
    for name, tensor in load_file(path).items():
        if zlib.crc32(raw(tensor).numpy()) != int(checksums[name], 16):
            raise ValueError(f"{path}: the checksum of {name} is wrong")
