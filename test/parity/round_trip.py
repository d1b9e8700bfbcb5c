"""Writes model files as Python's users have them, and judges what moco made of them.

    python test/parity/round_trip.py write FOLDER            tensors of every kind, and encoders
    python test/parity/round_trip.py compare OLD NEW ...     pairs of files: the same, bit for bit?
    python test/parity/round_trip.py measure FOLDER ARCH ... what an encoder is worth, as JSON

FOLDER holds the pictures to measure with. A difference ends in an error that names it.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from reference_model import ARCHITECTURES
from round_trip_encoders import (
    ENCODER_FILES,
    PICTURES,
    exact_state,
    in_type,
    measured,
    normalised,
    wrapped_checkpoint,
)
from round_trip_files import refuse_differences
from round_trip_tensors import empty_tensors, every_tensor, old_tensors

State = dict[str, Tensor]


def write(folder: Path) -> None:
    """`tensors` in every format, `empty.safetensors`, every encoder in every format and wrapped."""
    torch.save(every_tensor(), folder / "tensors.pth")
    save_legacy(old_tensors(), folder / "tensors_legacy.pth")
    save_safetensors(every_tensor(), folder / "tensors.safetensors")
    save_safetensors(empty_tensors(), folder / "empty.safetensors")
    pictures = normalised(load_file(folder / PICTURES), "train")
    for arch in ARCHITECTURES:
        state = exact_state(arch, pictures)
        for ending, dtype in ENCODER_FILES.items():
            save = {"_legacy.pth": save_legacy, ".safetensors": save_safetensors}
            save.get(ending, torch.save)(in_type(state, dtype), folder / f"{arch}{ending}")
        torch.save(wrapped_checkpoint(arch, state), folder / f"{arch}_wrapped.pth")


def save_legacy(state: State, path: Path) -> None:
    """As torch.save did before PyTorch 1.6."""
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_safetensors(state: State, path: Path) -> None:
    """The format has neither views nor parameters."""
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, path)


def main(command: str, *arguments: str) -> None:
    """Runs one command."""
    if command == "write":
        write(Path(arguments[0]))
    elif command == "compare":
        for old, new in zip(arguments[::2], arguments[1::2], strict=True):
            refuse_differences(Path(old), Path(new))
    elif command == "measure":
        folder, *archs = arguments
        print(json.dumps({arch: measured(Path(folder), arch) for arch in archs}))
    else:
        raise ValueError(f"unknown command {command}")


if __name__ == "__main__":
    main(*sys.argv[1:])
