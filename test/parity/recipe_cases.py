"""Five steps of `RecipeRun` for each option, and what of them is stored.

A fixture holds its settings, so that a C++ test needs nothing but the fixture.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

import formula
from reference_model import NO_PREDICTOR, Encoder, MlpShape
from reference_recipe import Batch, RecipeRun, roles_of
from training_cases import formula_state, running_statistics, updates_of
from training_fixtures import summary

BATCH = 8
STEPS = 5
LARGE, SMALL = 16, 8
KEY_PREFIX = "key."

BASE = {
    "arch": "resnet18",
    "featureDim": 32,
    "m": 19,
    "temperature": 0.2,
    "momentum": 0.9,
    "learningRate": 1e-3,
    "weightDecay": 1e-4,
}
SYMMETRIC = [{"count": 2, "role": "both", "size": LARGE}]
ONE_SIDED = [{"role": "student", "size": LARGE}, {"role": "teacher", "size": LARGE}]

CASES: dict[str, dict] = {
    "symmetric": {"views": SYMMETRIC, "batchNormGroups": 2},
    "multi_crop": {
        "views": [
            {"role": "student", "size": LARGE},
            {"count": 3, "role": "student", "size": SMALL},
            {"role": "teacher", "size": LARGE},
        ],
        "loss": "dcl",
        "lossScale": "2T",
    },
    "accumulate": {"accumulate": 2, "keyStatistics": "copied"},
    "before": {"momentumUpdate": "before", "keyStatistics": "averaged"},
    "shared": {"views": SYMMETRIC, "keyEncoder": "shared", "negatives": "batch"},
    "mask_same": {"maskSame": True, "negatives": "both", "loss": "dclw"},
    "nnclr": {"views": SYMMETRIC, "keyEncoder": "shared", "loss": "nnclr", "negatives": "batch"},
    "sce": {"loss": "sce", "maskSame": True},
    "ressl": {"loss": "ressl"},
    "byol": {
        "views": SYMMETRIC,
        "loss": "cosine",
        "predictorLayers": 2,
        "predictorHiddenDim": 48,
    },
}


def recipe_fixture(name: str) -> dict[str, Tensor]:
    """`recipe_<name>`."""
    return five_steps(BASE | {"views": ONE_SIDED} | CASES[name])


def five_steps(settings: dict) -> dict[str, Tensor]:
    """The fixture of a run with these settings."""
    run = recipe_run(settings)
    results = [run.step(batches_of(settings, step)) for step in range(STEPS)]
    fixture = {f"setting.{key}": stored(value) for key, value in settings.items() if key != "views"}
    fixture |= {
        "views": stored_views(settings["views"]),
        "losses": torch.stack([result.loss for result in results]),
        "accuracies": torch.stack([result.accuracy for result in results]),
        "queue": run.queue,
        "queue_numbers": run.queue_numbers,
    }
    fixture |= encoder_summaries("query", run.query_encoder, formula_recipe_encoder(settings))
    if not run.is_shared:
        start = formula_recipe_encoder(settings, KEY_PREFIX)
        fixture |= encoder_summaries("key", run.key_encoder, start)
    return fixture


def recipe_run(settings: dict) -> RecipeRun:
    """Encoders and queue by the formula; the key encoder is not the query encoder's copy."""
    queue = formula.uniform("queue", (settings["m"], settings["featureDim"]), -1, 1)
    return RecipeRun(
        settings,
        formula_recipe_encoder(settings),
        formula_recipe_encoder(settings, KEY_PREFIX),
        functional.normalize(queue.to(torch.float64), dim=1),
    )


def formula_recipe_encoder(settings: dict, prefix: str = "") -> nn.Module:
    """An encoder with the formula's state, float64."""
    encoder = Encoder(
        settings["arch"],
        settings["featureDim"],
        settings.get("stem", "cifar"),
        settings.get("width", 1),
        head=mlp_shape(settings, "head", layers=2),
        predictor=NO_PREDICTOR if prefix == KEY_PREFIX else mlp_shape(settings, "predictor", 0),
    )
    encoder.load_state_dict(formula_state(encoder, prefix))
    return encoder.to(torch.float64)


def mlp_shape(settings: dict, which: str, layers: int) -> MlpShape:
    """The head or predictor that the settings describe; `layers` where they do not say how many."""
    return MlpShape(
        settings.get(f"{which}Layers", layers),
        settings.get(f"{which}HiddenDim", 512),
        settings.get(f"{which}BatchNorm", True),
        settings.get(f"{which}LastBatchNorm", "none"),
    )


def batches_of(settings: dict, step: int) -> list[Batch]:
    """The batches of a step: pictures by the formula, the twelve numbers of pictures in turn."""
    count = settings.get("accumulate", 1)
    return [batch_of(settings, step * count + index) for index in range(count)]


def batch_of(settings: dict, number: int) -> Batch:
    """The run's batch of that number, from 0. With BatchNorm groups its keys are shuffled."""
    sizes = [group["size"] for group in settings["views"] for _ in range(group.get("count", 1))]
    views = [
        formula.pictures(f"view{index}.s{number}", BATCH, size).to(torch.float64)
        for index, size in enumerate(sizes)
    ]
    is_grouped = settings.get("batchNormGroups", 1) > 1
    order = torch.tensor((5, 0, 7, 2, 4, 1, 6, 3)) if is_grouped else None
    return Batch(views, (torch.arange(BATCH) + 3 * number) % 12, order)


def stored(value: bool | int | float | str | list[float]) -> Tensor:
    """A setting as a tensor; a text as its bytes."""
    if isinstance(value, str):
        return torch.tensor(list(value.encode()), dtype=torch.uint8)
    if isinstance(value, list):
        return torch.tensor(value, dtype=torch.float64)
    dtype = torch.int64 if isinstance(value, bool | int) else torch.float64
    return torch.tensor(value, dtype=dtype)


def stored_views(groups: list[dict]) -> Tensor:
    """(V, 3): of each view whether it is a student, whether it is a teacher, and its size."""
    sizes = [group["size"] for group in groups for _ in range(group.get("count", 1))]
    return torch.tensor(
        [
            (role != "teacher", role != "student", size)
            for role, size in zip(roles_of(groups), sizes, strict=True)
        ]
    )


def encoder_summaries(title: str, encoder: nn.Module, start: nn.Module) -> dict[str, Tensor]:
    """What training added to an encoder's parameters, and its running statistics."""
    return summary(f"{title}_update", updates_of(encoder, start)) | summary(
        f"{title}_buffer", running_statistics(encoder)
    )
