"""Runs exported models, as their users would, and compares them with the reference's model.

    python test/parity/check_export.py MODEL ARCH STEM FEATURE_DIM FOLDER

MODEL is the `.pth` that was exported, in FOLDER/torchscript and FOLDER/onnx. Prints one JSON line:
for each runtime that Python has, the largest deviation of features and projections from the
reference's, as a share of the largest number.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

import formula
from reference_model import Encoder

BATCH = 3


def deviation(found: np.ndarray, expected: torch.Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    if found.shape != tuple(expected.shape):
        raise ValueError(f"{found.shape} is not {tuple(expected.shape)}")
    return float(np.abs(found - expected.numpy()).max() / expected.abs().max())


def torchscript(path: Path, pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features and projections."""
    extra = {"moco.json": ""}
    model = torch.jit.load(path, _extra_files=extra)
    json.loads(extra["moco.json"])
    features = model(pictures)
    return features.numpy(), model.project(features).numpy()


def onnxruntime(path: Path, pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The same from ONNX, by onnxruntime."""
    import onnxruntime as runtime

    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ["image_embeds", "projection"]
    features, projections = session.run(names, {"pixel_values": pictures.numpy()})
    return features, projections


def openvino(path: Path, pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The same by OpenVINO, in fp32."""
    import openvino as runtime

    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    model = runtime.Core().compile_model(path, "CPU", settings)
    results = model([pictures.numpy()])
    return results[model.output("image_embeds")], results[model.output("projection")]


RUNTIMES = {"torchscript": torchscript, "onnxruntime": onnxruntime, "openvino": openvino}


def has(name: str) -> bool:
    """Whether Python has the runtime; TorchScript is PyTorch's own."""
    return name == "torchscript" or importlib.util.find_spec(name) is not None


def main(model: str, arch: str, stem: str, feature_dim: str, folder: str) -> None:
    """Compares what each runtime computes."""
    encoder = Encoder(arch, int(feature_dim), stem).eval()
    encoder.load_state_dict(torch.load(model, weights_only=True))
    pictures = formula.pictures("export", BATCH)
    with torch.no_grad():
        features = encoder.f(pictures).flatten(start_dim=1)
        projections = encoder.g(features)
    report = {}
    for name in filter(has, RUNTIMES):
        kind = "torchscript/model.pt" if name == "torchscript" else "onnx/onnx/model.onnx"
        found = RUNTIMES[name](Path(folder) / kind, pictures)
        report[name] = max(deviation(found[0], features), deviation(found[1], projections))
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
