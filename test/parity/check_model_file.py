"""Loads a model file into the reference's model and runs it, as the reference's user would.

    python test/parity/check_model_file.py PATH ARCH [FEATURE_DIM]

Prints one JSON line: number of keys; L2 norm of all pooled features (8, C), not normalised, of the
formula's pictures `view1` in evaluation mode; the first output row's first eight elements. A file
that does not fit the model ends in an error.
"""

import json
import sys

import torch
from torch import Tensor, nn

import formula
from reference_model import Encoder


def loaded_encoder(path: str, arch: str, feature_dim: int) -> nn.Module:
    """The model file's encoder, with every key, shape and dtype as the reference's."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    encoder = Encoder(arch, feature_dim)
    refuse_misfits(state, encoder.state_dict())
    encoder.load_state_dict(state, strict=True)
    return encoder


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
    encoder = loaded_encoder(path, arch, int(feature_dim)).eval()
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
