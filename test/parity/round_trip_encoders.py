"""Encoders in files of every format, and what Python says that they are worth."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from reference_knn import accuracy, class_scores, ranked_classes
from reference_linear import metrics_of
from reference_model import Encoder
from round_trip_files import refuse_difference
from training_cases import FEATURE_DIM, Arithmetic, formula_encoder

PICTURES = "pictures.safetensors"
"""Bytes (N, 3, 32, 32) and labels of both splits, `mean` and `std`."""

ENCODER_FILES = {
    ".pth": torch.float32,
    "_legacy.pth": torch.float16,
    ".safetensors": torch.bfloat16,
}
"""By the ending of a file after the architecture: the type of its numbers."""

NEIGHBOURS = 3
TEMPERATURES = (0.07, 0.5)


def exact_state(arch: str, pictures: Tensor) -> dict[str, Tensor]:
    """The formula's encoder with the pictures' statistics, in numbers that all of the types have.

    Features of the formula's own statistics are nearly parallel, and no kNN could tell them apart.
    """
    encoder = formula_encoder(arch, Arithmetic(torch.float32)).train()
    encoder.load_state_dict({n: rounded(tensor) for n, tensor in encoder.state_dict().items()})
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        encoder(pictures)
    return {name: rounded(tensor) for name, tensor in encoder.state_dict().items()}


def rounded(tensor: Tensor) -> Tensor:
    """Floats to numbers that bfloat16 and float16 have both; counters stay."""
    return tensor.bfloat16().half().float() if tensor.is_floating_point() else tensor


def wrapped_checkpoint(arch: str, state: dict[str, Tensor]) -> dict:
    """What a training leaves: the encoder and its momentum copy, compiled, wrapped and nested."""
    query, key = Encoder(arch, FEATURE_DIM), Encoder(arch, FEATURE_DIM)
    query.load_state_dict(state)
    model = nn.DataParallel(torch.compile(nn.ModuleDict({"encoder_q": query, "encoder_k": key})))
    optimizer = torch.optim.SGD(query.parameters(), lr=0.1, momentum=0.9)
    for parameter in query.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    query.load_state_dict(state)
    states = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}
    return {"epoch": 1, "arch": arch, **states}


def in_type(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Floats in that type; counters stay int64."""
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}


def measured(folder: Path, arch: str) -> dict:
    """kNN at each temperature, and the test metrics of moco's linear model `<arch>_linear.pth`."""
    pictures = load_file(folder / PICTURES)
    encoder = Encoder(arch, FEATURE_DIM).eval()
    encoder.load_state_dict(torch.load(folder / f"{arch}.pth", weights_only=True))
    with torch.no_grad():
        bank = encoder.f(normalised(pictures, "train")).flatten(1)
        test = encoder.f(normalised(pictures, "test")).flatten(1)
    labels = {split: pictures[f"{split}_labels"].to(torch.int64) for split in ("train", "test")}
    classifier = loaded_classifier(folder / f"{arch}_linear.pth", encoder)
    linear = metrics_of([(classifier(test).detach(), labels["test"])])
    return {
        "knn": nearest(bank, labels["train"], test, labels["test"]),
        "margin": margin(functional.normalize(bank), functional.normalize(test)),
        "linear": vars(linear),
    }


def normalised(pictures: dict[str, Tensor], split: str) -> Tensor:
    """Pictures (N, 3, 32, 32), float32."""
    mean, std = (pictures[key].float().view(3, 1, 1) for key in ("mean", "std"))
    planes = pictures[split].permute(0, 3, 1, 2).contiguous()
    return (planes.float() / 255 - mean) / std


def loaded_classifier(path: Path, encoder: nn.Module) -> nn.Linear:
    """The classifier of a linear model whose backbone must be the encoder's, bit for bit."""
    state = torch.load(path, weights_only=True)
    backbone = {f"f.{name}": tensor for name, tensor in encoder.f.state_dict().items()}
    if list(state) != [*backbone, "fc.weight", "fc.bias"]:
        raise ValueError(f"{path}: the names are {list(state)}")
    for name, tensor in backbone.items():
        refuse_difference(f"{path}: {name}", tensor, state[name])
    classifier = nn.Linear(*reversed(state["fc.weight"].shape))
    classifier.load_state_dict({"weight": state["fc.weight"], "bias": state["fc.bias"]})
    return classifier


def nearest(bank: Tensor, bank_labels: Tensor, test: Tensor, labels: Tensor) -> list[dict]:
    """For each temperature: top-1 and top-5 in per cent, and the confusion matrix."""
    bank, test = functional.normalize(bank), functional.normalize(test)
    results = []
    for temperature in TEMPERATURES:
        options = {"k": NEIGHBOURS, "temperature": temperature, "classes": 10}
        ranked = ranked_classes(class_scores(bank, bank_labels, test, **options))
        confusion = torch.zeros(10, 10, dtype=torch.int64)
        for label, given in zip(labels, ranked[:, 0], strict=True):
            confusion[label, given] += 1
        top1, top5 = (accuracy(ranked, labels, top).item() for top in (1, 5))
        results.append({"top1": top1, "top5": top5, "confusion": confusion.tolist()})
    return results


def margin(bank: Tensor, test: Tensor) -> float:
    """By how much, at least, the last neighbour that votes is nearer than the next one."""
    nearest_first = (test @ bank.T).sort(dim=1, descending=True).values
    return (nearest_first[:, NEIGHBOURS - 1] - nearest_first[:, NEIGHBOURS]).min().item()
