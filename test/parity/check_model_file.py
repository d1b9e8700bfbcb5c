"""Loads a model file into the reference's model and runs it, as the reference's user would.

    python test/parity/check_model_file.py PATH ARCH [FEATURE_DIM]

PATH is a `.pth`, or safetensors of moco, whose checksums are checked; of a checkpoint, both
encoders are loaded and the query encoder is run. Prints one JSON line: number of keys; L2 norm of
all pooled features (8, C), not normalised, of the formula's pictures `view1` in evaluation mode;
the first output row's first eight elements. A file that does not fit the model ends in an error.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import formula
from reference_model import Encoder
from round_trip_files import load, order_in, refuse_wrong_checksums


def loaded_encoder(path: Path, arch: str, feature_dim: int) -> nn.Module:
    """The model file's encoder, with every key, shape and dtype as the reference's."""
    if path.suffix == ".safetensors":
        refuse_wrong_checksums(path)
    tensors = load(path)
    sections = [section for prefix in ("key.", "query.") if (section := below(tensors, prefix))]
    encoder = Encoder(arch, feature_dim)
    expected = encoder.state_dict()
    for state in sections or [tensors]:
        refuse_misfits(state, {name: expected[name] for name in order_in(path, expected)})
        encoder.load_state_dict(state, strict=True)
    return encoder


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, under the rest of their names."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def refuse_misfits(state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Loading itself converts dtypes in silence and takes any order of keys."""
    if list(state) != list(expected):
        odd = sorted(set(state) ^ set(expected)) or "the order of the keys"
        raise ValueError(f"keys are not the reference's: {odd}")
    for name, tensor in state.items():
        found = (tensor.dtype, tensor.shape)
        wanted = (expected[name].dtype, expected[name].shape)
        if found != wanted:
            raise ValueError(f"{name} is {found}, the reference's is {wanted}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} has values that are not finite")


def main(path: str, arch: str, feature_dim: str = "128") -> None:
    """Checks one file."""
    encoder = loaded_encoder(Path(path), arch, int(feature_dim)).eval()
    with torch.no_grad():
        pictures = formula.pictures("view1", 8)
        pooled = encoder.f(pictures)
        _, out = encoder(pictures)
    report = {
        "keys": len(encoder.state_dict()),
        "feature_norm": pooled.norm().item(),
        "out_first": out[0, :8].tolist(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
