"""Makes the model files that the readers of src/formats are tested with, and `expected.json`.

    python test/formats/make_files.py

Written with Python 3.11, torch 2.13.0 (CPU) and safetensors. `expected.json` says of every tensor
of every good file its dtype, shape and the CRC-32 of its elements, in order, little-endian.
"""

import json
import os
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

FOLDER = Path(__file__).parent

PROTOCOLS = (3, 4, 5)

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

#: Types that came to PyTorch later, or that hold two numbers.
NEW_DTYPES = {
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2: "F8_E5M2",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
}


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """0, 1, 2 … in any shape."""
    count = torch.Size(shape).numel()
    return torch.arange(count).reshape(shape).to(dtype)


def small_network() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.BatchNorm2d(2))
    network(torch.ones(2, 3, 4, 4)).sum().backward()
    return network


def every_dtype() -> dict[str, Tensor]:
    return {name: numbers(2, 3, dtype=dtype) for dtype, name in DTYPES.items()}


def views() -> dict[str, Tensor]:
    whole = numbers(4, 6)
    return {
        "whole": whole,
        "transposed": whole.t(),
        "rows": whole[1:3],
        "columns": whole[:, 2::3],
        "element": whole[3, 5],
        "channels_last": numbers(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "empty": torch.empty(0, 3),
    }


def training_checkpoint() -> dict:
    """What the official MoCo's training script saves, of a tiny network."""
    encoder = small_network()
    momentum = torch.optim.SGD(encoder.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
    momentum.step()
    state = OrderedDict()
    for side in ("encoder_q", "encoder_k"):
        for name, tensor in encoder.state_dict().items():
            state[f"module.{side}.{name}"] = tensor.clone()
    state["module.queue"] = numbers(4, 5)
    state["module.queue_ptr"] = torch.zeros(1, dtype=torch.int64)
    return {"epoch": 200, "arch": "resnet50", "state_dict": state, "optimizer": momentum.state_dict()}


def good_files() -> dict[str, dict]:
    state = small_network().state_dict()
    parameters = {"weight": nn.Parameter(numbers(2, 2)), "bias": nn.Parameter(numbers(2))}
    return {
        "plain": {"a": numbers(2, 3), "b": torch.tensor(7)},
        "state_dict": state,
        "nested": {"model": state, "epoch": 3, "loss": 0.5, "note": "größer", "done": True},
        "dtypes": every_dtype(),
        "views": views(),
        "parameters": parameters,
        "checkpoint": training_checkpoint(),
    }


def tensors_of(value: object, name: str = "") -> dict[str, Tensor]:
    """Tensors by their place: keys and positions, joined by dots."""
    if isinstance(value, Tensor):
        return {name: value.detach()}
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {}
    found = {}
    for key, item in items:
        found |= tensors_of(item, f"{name}.{key}" if name else str(key))
    return found


def expectation(tensor: Tensor) -> dict:
    elements = bytes(tensor.detach().clone(memory_format=torch.contiguous_format).untyped_storage())
    dtype = (DTYPES | NEW_DTYPES)[tensor.dtype]
    return {"dtype": dtype, "shape": list(tensor.shape), "crc32": zlib.crc32(elements)}


class RunsCommand:
    def __reduce__(self):
        return os.system, ("echo ran > /tmp/moco-hostile",)


def rewrite_zip(source: Path, target: Path, change, compression=zipfile.ZIP_STORED) -> None:
    """Copies a zip, each record's bytes as `change(name, bytes)` gives them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for record in old.infolist():
            stamped = zipfile.ZipInfo(record.filename)
            stamped.compress_type = compression
            new.writestr(stamped, change(record.filename, old.read(record)))


def big_endian(name: str, data: bytes) -> bytes:
    """The records of `plain.pth` as a machine of the other byte order writes them."""
    sizes = {"data/0": 4, "data/1": 8}  # float32 and int64
    record = name.split("/", 1)[1]
    if record == "byteorder":
        return b"big"
    size = sizes.get(record, 1)
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def make_bad_files() -> None:
    plain = FOLDER / "plain.pth"
    rewrite_zip(plain, FOLDER / "bad_compressed.pth", lambda _, data: data, zipfile.ZIP_DEFLATED)
    rewrite_zip(
        plain,
        FOLDER / "bad_byteorder.pth",
        lambda name, data: b"middle" if name.endswith("byteorder") else data,
    )
    torch.save(small_network(), FOLDER / "bad_whole_model.pth")


def main() -> None:
    expected = {}
    for name, content in good_files().items():
        tensors = {key: expectation(tensor) for key, tensor in tensors_of(content).items()}
        torch.save(content, FOLDER / f"{name}.pth")
        torch.save(
            content, FOLDER / f"{name}_legacy.pth", _use_new_zipfile_serialization=False
        )
        expected[f"{name}.pth"] = expected[f"{name}_legacy.pth"] = tensors
    for protocol in PROTOCOLS:
        name = f"protocol{protocol}.pth"
        torch.save(training_checkpoint(), FOLDER / name, pickle_protocol=protocol)
        expected[name] = expected["checkpoint.pth"]
    content = {**every_dtype(), "empty": torch.empty(0, 3), "scalar": torch.tensor(7.0)}
    save_file(content, FOLDER / "python.safetensors", metadata={"format": "pt"})
    expected["python.safetensors"] = {key: expectation(value) for key, value in content.items()}
    rewrite_zip(FOLDER / "plain.pth", FOLDER / "big_endian.pth", big_endian)
    expected["big_endian.pth"] = expected["plain.pth"]
    # What is no tensor is passed over, and nothing of it is run.
    torch.save({"weight": numbers(2), "hostile": RunsCommand()}, FOLDER / "hostile.pth")
    make_bad_files()
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
