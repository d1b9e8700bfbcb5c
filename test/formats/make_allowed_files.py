"""Makes files with everything that torch.load's safe default allows, and with what it refuses.

    python test/formats/make_allowed_files.py

Written with Python 3.11 and torch 2.13.0 (CPU). `allowed/expected.json` says of every file which
names its pickle has, its tensors (as in `expected.json`), and what else it holds, by place, in the
words of moco. Every file is tried with torch.load: it refuses `refused.pth`, and no other.
"""

import functools
import json
import pickle
import pickletools
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from handmade_pickle import Made, Name, Python2Text, Stored, write_legacy_pth, write_pth
from make_files import FOLDER, NEW_DTYPES, expectation, numbers

ALLOWED = FOLDER / "allowed"

NUMBERS = numbers(2, 3)

LAYOUTS = ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")

SCHEMES = (
    "per_tensor_affine",
    "per_tensor_symmetric",
    "per_channel_affine",
    "per_channel_symmetric",
    "per_channel_affine_float_qparams",
)

NEW_TYPES = [str(dtype).removeprefix("torch.") for dtype in NEW_DTYPES]

#: Types that a tensor can have, and that are passed over.
OPAQUE_TYPES = (
    "complex32 complex128 float8_e8m0fnu float4_e2m1fn_x2 bits8 bits16 bits1x8 bits2x4 bits4x2"
).split()

#: Types that only have a name so far, and the old ones.
OTHER_TYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool "
    "qint8 qint32 quint8 quint4x2 quint2x4 "
    "uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7"
).split()


class Case:
    """What is in a file, its tensors as moco reads them, and what else there is by place."""

    def __init__(self, content: dict, tensors: dict[str, Tensor], opaque: dict[str, str]):
        self.content = content
        self.tensors = tensors
        self.opaque = opaque


def dtype(name: str) -> torch.dtype:
    return getattr(torch, name)


def values() -> Case:
    """What state dicts of optimisers, schedulers and data loaders hold besides tensors."""
    opaque = {
        "counter": (Counter("abba"), "collections.Counter"),
        "set": ({1, 2}, "set"),
        "bytes": (b"\x00\xff", "bytes"),
        "bytearray": (bytearray(b"\x00\xff"), "bytes"),
        "complex": (1 + 2j, "complex"),
        "size": (torch.Size([2, 3]), "torch.Size"),
        "device": (torch.device("cuda:1"), "torch.device"),
        "layout": (torch.sparse_csr, "torch.layout"),
        "storage": (torch.ones(2).untyped_storage(), "storage of torch.uint8"),
        "typed_storage": (torch.ones(3).storage(), "storage of torch.float32"),
        **{name: (getattr(torch, name), f"torch.{name}") for name in SCHEMES},
        **{name: (dtype(name), f"torch.{name}") for name in NEW_TYPES + OPAQUE_TYPES + OTHER_TYPES},
    }
    keys = {(1, "a"): NUMBERS, None: NUMBERS, True: NUMBERS, 1.5: NUMBERS, b"b": NUMBERS}
    content = {
        "ordered": OrderedDict(a=NUMBERS),
        "keys": keys,
        **{name: value for name, (value, _) in opaque.items()},
    }
    named = ["(1, a)", "None", "True", "1.5", "b"]
    tensors = {"ordered.a": NUMBERS, **{f"keys.{name}": NUMBERS for name in named}}
    return Case(content, tensors, {name: what for name, (_, what) in opaque.items()})


def types() -> Case:
    """Tensors of the types that came after those of make_files.py."""
    read = {name: torch.arange(3).to(dtype(name)) for name in NEW_TYPES}
    passed = {name: torch.empty(2, dtype=dtype(name)) for name in OPAQUE_TYPES}
    for tensor in passed.values():
        tensor.untyped_storage().fill_(0)
    return Case(read | passed, read, {name: f"tensor of torch.{name}" for name in passed})


def with_attribute(tensor: Tensor) -> Tensor:
    tensor.note = "an attribute"
    return tensor


def quantised(kind: str) -> Tensor:
    if kind == "tensor":
        return torch.quantize_per_tensor(NUMBERS, 0.1, 3, torch.quint8)
    scales, zeros = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.int64)
    return torch.quantize_per_channel(NUMBERS, scales, zeros, 0, torch.qint8)


def tensors() -> Case:
    """Tensors of every make: those that are read, and those that are passed over."""
    read = {
        "parameter": nn.Parameter(NUMBERS.clone()),
        "parameter_with_attribute": with_attribute(nn.Parameter(NUMBERS.clone())),
        "with_attribute": with_attribute(NUMBERS.clone()),
        "buffer": nn.Buffer(NUMBERS.clone()),
        "expanded": numbers(2, 1).expand(2, 50),
        "zero_dimensions": torch.tensor(3.0),
        "empty": torch.empty(0, 2),
    }
    square = torch.eye(2)
    passed = {
        **{layout: sparse(square, layout) for layout in LAYOUTS},
        "quantised": quantised("tensor"),
        "quantised_by_channel": quantised("channel"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        "meta": torch.empty(2, device="meta"),
        "conjugated": torch.tensor([1 + 2j]).conj(),
        "negated": torch.tensor([1 + 2j]).conj().imag,
    }
    names = {
        **dict.fromkeys(LAYOUTS, "sparse tensor"),
        "quantised": "quantised tensor",
        "quantised_by_channel": "quantised tensor",
        "nested": "nested tensor",
        "meta": "tensor without elements (device meta)",
        "conjugated": "conjugated or negated tensor",
        "negated": "conjugated or negated tensor",
    }
    attributes = dict.fromkeys(
        ["parameter_with_attribute", "with_attribute", "buffer"], "attributes of a tensor"
    )
    return Case(read | passed, read, names | attributes)


def sparse(tensor: Tensor, layout: str) -> Tensor:
    blocks = {"blocksize": (1, 1)} if layout in ("sparse_bsr", "sparse_bsc") else {}
    return tensor.to_sparse(layout=getattr(torch, layout), **blocks)


CPU_STORAGES = {
    **{"Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16"},
    **{"Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8"},
    **{"Bool": "bool", "ComplexFloat": "complex64"},
}

OPAQUE_STORAGES = {
    **{"ComplexDouble": "complex128", "QInt8": "qint8", "QUInt8": "quint8", "QInt32": "qint32"},
    **{"QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4"},
}

TENSOR_CLASSES = [
    (module, name)
    for module in ("torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse")
    for name in (
        "DoubleTensor FloatTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor "
        "CharTensor ByteTensor BoolTensor"
    ).split()
    if "sparse" not in module or name != "BoolTensor"
]


def rebuilt(storage: Stored, by: str = "_rebuild_tensor_v2") -> Made:
    hooks = Made(Name("collections", "OrderedDict"))
    tail = () if by == "_rebuild_tensor" else (False, hooks)
    return Made(Name("torch._utils", by), (storage, 0, (storage.elements,), (1,), *tail))


def storages() -> Case:
    """A tensor on a storage of every class: on the CPU, and on a GPU where there is such a class."""
    content, tensors, opaque = {}, {}, {}
    for module in ("torch", "torch.cuda"):
        for kind, type_name in (CPU_STORAGES | OPAQUE_STORAGES).items():
            if module == "torch.cuda" and kind.startswith("Q"):
                continue
            name = f"{module}.{kind}"
            content[name] = rebuilt(Stored(Name(module, f"{kind}Storage"), name, 3))
            if kind in CPU_STORAGES:
                tensors[name] = torch.zeros(3, dtype=dtype(type_name))
            else:
                opaque[name] = f"tensor of torch.{type_name}"
    return Case(content, tensors, opaque)


def zeros_of(case: Case) -> dict[str, bytes]:
    """Storages of zeros for the tensors of a handmade file."""
    sizes = {kind: dtype(name).itemsize for kind, name in (CPU_STORAGES | OPAQUE_STORAGES).items()}
    return {name: bytes(3 * sizes[name.rsplit(".", 1)[1]]) for name in case.content}


def calls() -> Case:
    """What current versions of PyTorch do not write on a CPU, and what can only be named."""
    storage = Stored(Name("torch", "FloatStorage"), "0", 6)
    tensor = rebuilt(storage)
    utils = functools.partial(Name, "torch._utils")
    copied = (tensor, Name("torch", "float32"), "cpu", False)
    read = {
        "of_2017": rebuilt(storage, "_rebuild_tensor"),
        "parameter": Made(Name("torch.nn.parameter", "Parameter"), (tensor, False), is_new=True),
        "of_xla": Made(utils("_rebuild_device_tensor_from_cpu_tensor"), copied),
        "of_subclass": Made(
            Name("torch._tensor", "_rebuild_from_type_v2"),
            (utils("_rebuild_tensor_v2"), Name("torch", "Tensor"), tensor.arguments, {}),
        ),
    }
    by_class = {
        f"of_{name}": Made(
            Name("torch", name), is_new=True, state=(storage, 0, (3,), (2,))
        )
        for name in ["FloatTensor", "Tensor"]
    }
    named = {
        **{f"{module}.{name}": Name(module, name) for module, name in TENSOR_CLASSES},
        "torch.storage.TypedStorage": Name("torch.storage", "TypedStorage"),
        "torch._utils._rebuild_device_tensor_from_numpy": utils(
            "_rebuild_device_tensor_from_numpy"
        ),
        "torch._utils._rebuild_wrapper_subclass": utils("_rebuild_wrapper_subclass"),
    }
    flat = NUMBERS.flatten()
    tensors = dict.fromkeys(read, flat) | dict.fromkeys(by_class, flat[::2])
    opaque = {name: name for name in named}
    return Case(read | by_class | {"named": named}, tensors, {f"named.{n}": n for n in opaque})


def python2() -> Case:
    """As Python 2 wrote, when a part of a storage was a storage of its own."""
    text = Python2Text
    storage = functools.partial(Stored, Name("torch", "FloatStorage"), "0", 6)
    of = Name("torch._utils", "_rebuild_tensor")
    whole = Made(of, (storage((None,)), 0, (2, 3), (3, 1)))
    part = Made(of, (storage((("1", 2, 4),)), 1, (3,), (1,)))
    ordered = Made(
        Name("collections", "OrderedDict"), ([[text(b"whole"), whole], [text(b"part"), part]],)
    )
    content = {
        text(b"state"): ordered,
        text(b"note"): text("größer".encode()),
        text(b"seen"): Made(Name("__builtin__", "set"), ([1],)),
    }
    tensors = {"state.whole": NUMBERS, "state.part": NUMBERS.flatten()[3:]}
    return Case(content, tensors, {"seen": "set"})


def refused() -> Case:
    """What the safe default refuses, and what stands beside the weights of most checkpoints."""
    new = functools.partial(Made, is_new=True)
    float64 = Made(Name("numpy", "dtype"), ("f8", False, True), state=(3, "<", None, None, -1))
    values = {
        "numpy_scalar": Made(Name("numpy.core.multiarray", "scalar"), (float64, b"\0" * 8)),
        "numpy2_scalar": Made(Name("numpy._core.multiarray", "scalar"), (float64, b"\0" * 8)),
        "array": numpy_array("numpy.core.multiarray", float64),
        "array2": numpy_array("numpy._core.multiarray", float64),
        "arguments": new(Name("argparse", "Namespace"), state={"lr": 0.1}),
        "config": new(Name("omegaconf.dictconfig", "DictConfig"), state={"_content": {}}),
        "path": Made(Name("pathlib", "PosixPath"), ("/", "data")),
        "date": Made(Name("datetime", "datetime"), (b"\x07\xe4\x01\x01\0\0\0\0\0\0",)),
        "mode": Made(Name("train", "Mode"), (1,)),
        "partial": Made(
            Name("functools", "partial"), (Name("train", "f"),), state=(Name("train", "f"), ())
        ),
        "method": Made(Name("builtins", "getattr"), (Name("train", "Mode"), "f")),
        "bound": Made(Made(Name("builtins", "getattr"), (Name("train", "Mode"), "f")), (1,)),
        "old_object": Made(
            Name("copy_reg", "_reconstructor"),
            (Name("train", "Meter"), Name("__builtin__", "object"), None),
            state={"best": NUMBERS.sum().item()},
        ),
        "frozen": frozenset([1]),
        "command": Made(Name("posix", "system"), ("echo ran > /tmp/moco-hostile",)),
    }
    hyper = new(
        Name("pytorch_lightning.utilities.parsing", "AttributeDict"),
        items={"lr": 0.1, "where": values["path"]},
    )
    weights = rebuilt(Stored(Name("torch", "FloatStorage"), "0", 6))
    parts = {"_parameters": {"weight": weights}, "_buffers": {}, "_modules": {}}
    content = {
        **values,
        "state_dict": Made(Name("collections", "defaultdict"), (None,), items={"w": weights}),
        "hyper_parameters": hyper,
        "module": new(Name("train", "Net"), state=parts),
    }
    opaque = {
        **dict.fromkeys(["numpy_scalar"], "numpy.core.multiarray.scalar"),
        **dict.fromkeys(["numpy2_scalar"], "numpy._core.multiarray.scalar"),
        **dict.fromkeys(["array", "array2"], "numpy.ndarray"),
        **{"arguments": "argparse.Namespace", "config": "omegaconf.dictconfig.DictConfig"},
        **dict.fromkeys(["path", "hyper_parameters.where"], "pathlib.PosixPath"),
        **{"date": "datetime.datetime", "mode": "train.Mode", "partial": "functools.partial"},
        **{"method": "getattr", "bound": "object", "old_object": "train.Meter"},
        **{"frozen": "frozenset", "command": "posix.system"},
        "hyper_parameters": "pytorch_lightning.utilities.parsing.AttributeDict",
        **{"state_dict": "collections.defaultdict", "module": "train.Net"},
    }
    return Case(content, {"state_dict.w": NUMBERS.flatten()}, opaque)


def numpy_array(module: str, numbers_of: Made) -> Made:
    made = (Name("numpy", "ndarray"), (0,), b"b")
    state = (1, (1,), numbers_of, False, b"\0" * 8)
    return Made(Name(module, "_reconstruct"), made, state=state)


def is_refused(path: Path) -> bool:
    try:
        torch.load(path, map_location="cpu")
    except pickle.UnpicklingError:
        return True
    return False


def names_in(content: bytes) -> set[str]:
    """The names that a pickle has, as torch.load looks them up."""
    found = set()
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name == "GLOBAL":
            found.add(argument.replace(" ", ".").replace("__builtin__", "builtins"))
    return found


def pickle_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return archive.read(name)


def main() -> None:
    ALLOWED.mkdir(exist_ok=True)
    cases = {"values.pth": values(), "types.pth": types(), "tensors.pth": tensors()}
    for name, case in cases.items():
        torch.save(case.content, ALLOWED / name)
    cases["storages.pth"] = storages()
    write_pth(ALLOWED / "storages.pth", storages().content, zeros_of(storages()))
    elements = NUMBERS.numpy().tobytes()
    cases["calls.pth"] = calls()
    write_pth(ALLOWED / "calls.pth", calls().content, {"0": elements})
    cases["python2_legacy.pth"] = python2()
    write_legacy_pth(ALLOWED / "python2_legacy.pth", python2().content, {"0": (6, elements)})
    cases["refused.pth"] = refused()
    write_pth(ALLOWED / "refused.pth", refused().content, {"0": elements})
    expected = {}
    for name, case in cases.items():
        if is_refused(ALLOWED / name) != (name == "refused.pth"):
            raise ValueError(f"torch.load decides otherwise: {name}")
        expected[name] = {
            "names": [] if "legacy" in name else sorted(names_in(pickle_of(ALLOWED / name))),
            "tensors": {place: expectation(tensor) for place, tensor in case.tensors.items()},
            "opaque": case.opaque,
        }
    (ALLOWED / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
