"""Tensors of every dtype and layout that a state dict can hold."""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn

import formula

DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
    torch.complex64,
)

#: Types that came after PyTorch's old format, which cannot be loaded with them.
NEW_DTYPES = (
    torch.uint64,
    torch.uint32,
    torch.uint16,
    torch.float8_e4m3fn,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2,
    torch.float8_e5m2fnuz,
)

ODD_NAMES = ("", "7", 'quote " and \\', "line\nbreak", "größe", "\U0001f600", "__proto__")


def every_tensor() -> OrderedDict[str, Tensor]:
    """All dtypes in all layouts, names that a format might trip over, and parameters."""
    return tensors_of(DTYPES + NEW_DTYPES)


def old_tensors() -> OrderedDict[str, Tensor]:
    """Those that PyTorch's old format can hold."""
    return tensors_of(DTYPES)


def tensors_of(dtypes: tuple[torch.dtype, ...]) -> OrderedDict[str, Tensor]:
    state = OrderedDict()
    for dtype in dtypes:
        for layout, tensor in layouts(dtype).items():
            state[f"{str(dtype).removeprefix('torch.')}.{layout}"] = tensor
    for name in ODD_NAMES:
        state[name] = bits(name, (2,), torch.float32)
    state["parameter"] = nn.Parameter(bits("parameter", (2, 3), torch.float32))
    return state


def layouts(dtype: torch.dtype) -> dict[str, Tensor]:
    """Dense tensors, views with gaps and in other orders, and several views of one storage."""
    whole = bits(f"{dtype}", (6, 4, 3, 2), dtype)
    return {
        "scalar": bits(f"{dtype}.scalar", (), dtype),
        "vector": bits(f"{dtype}.vector", (7,), dtype),
        "ones": bits(f"{dtype}.ones", (1, 1, 1, 1, 1, 1), dtype),
        "channels_last": bits(f"{dtype}.filter", (2, 3, 4, 5), dtype).contiguous(
            memory_format=torch.channels_last
        ),
        "steps": bits(f"{dtype}.steps", (9, 8), dtype)[1::3, 2::2],
        "long_stride": bits(f"{dtype}.long", (5,), dtype).as_strided((1, 4), (10**6, 1)),
        "expanded": bits(f"{dtype}.expanded", (3, 1), dtype).expand(2, 3, 4),
        "shared.whole": whole,
        "shared.again": whole,
        "shared.rows": whole[2:4],
        "shared.permuted": whole.permute(3, 1, 0, 2),
        "shared.element": whole[5, 3, 2, 1],
    }


def empty_tensors() -> OrderedDict[str, Tensor]:
    """Tensors without elements between others."""
    return OrderedDict(
        a_empty=torch.empty(0, 3),
        full=bits("full", (2, 3), torch.float32),
        m_empty=torch.empty(2, 0, dtype=torch.int64),
        scalar=bits("scalar", (), torch.float64),
        z_empty=torch.empty(0, dtype=torch.bool),
    )


def bits(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Any bits, so that NaNs of all kinds are among the floats; of a bool, 0 and 1."""
    count = math.prod(shape) * dtype.itemsize
    values = formula.byte(name, (count,))
    return (values % 2 if dtype == torch.bool else values).view(dtype).reshape(shape)
