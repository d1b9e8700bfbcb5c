"""The training cases as fixtures: outputs, slices, norms and probe products, all float64."""

from collections.abc import Mapping

import torch
from torch import Tensor

import formula
from reference_step import ReferenceStep
from training_cases import (
    FiveStepsCase,
    ForwardCase,
    StepCase,
    parameter_updates,
    running_statistics,
)

Fixture = dict[str, Tensor]

FEATURE_COLUMNS = 64


def forward_fixture(case: ForwardCase) -> Fixture:
    """`model_<arch>`."""
    fixture = {"train_out": case.train_out, "eval_out": case.eval_out}
    for mode, feature in (("train", case.train_feature), ("eval", case.eval_feature)):
        fixture[f"{mode}_feature"] = feature[:, :FEATURE_COLUMNS]
        fixture[f"{mode}_feature_probe"] = torch.stack(
            [formula.probe("feature", row) for row in feature]
        )
    return fixture | summary("buffer", case.buffers)


def step_fixture(arch: str, case: StepCase, stem: str = "cifar") -> Fixture:
    """`step_<arch>`, `step_<arch>_short_queue` and `step_<arch>_imagenet`."""
    fixture = {
        "loss": case.loss,
        "accuracy": case.accuracy,
        "query": case.query,
        "keys": case.keys,
        "queue": case.after.queue,
    }
    updates = update_summaries(arch, case.after, stem)
    return fixture | summary("gradient", case.gradients) | updates


def grouped_step_fixture(arch: str, case: StepCase) -> Fixture:
    """`step_<arch>_groups`."""
    return step_fixture(arch, case) | statistics_summaries(case.after)


def five_steps_fixture(arch: str, case: FiveStepsCase, stem: str = "cifar") -> Fixture:
    """`five_steps_<arch>` and `five_steps_<arch>_imagenet`."""
    fixture = {
        "losses": case.losses,
        "accuracies": case.accuracies,
        "queue": case.after.queue,
    }
    updates = update_summaries(arch, case.after, stem)
    return fixture | updates | statistics_summaries(case.after)


def update_summaries(arch: str, after: ReferenceStep, stem: str) -> Fixture:
    """Summaries of what training added to the parameters of both encoders."""
    updates = parameter_updates(arch, after, stem)
    return summary("query_update", updates["query"]) | summary("key_update", updates["key"])


def statistics_summaries(after: ReferenceStep) -> Fixture:
    """Summaries of the running statistics of both encoders."""
    return summary("query_buffer", running_statistics(after.query_encoder)) | summary(
        "key_buffer", running_statistics(after.key_encoder)
    )


def summary(title: str, tensors: Mapping[str, Tensor]) -> Fixture:
    """Per tensor, in order: FNV-1a of its name, L2 norm, first four elements, probe product."""
    return {
        f"{title}_name_hash": torch.tensor([formula.name_hash(name) for name in tensors]),
        f"{title}_norm": torch.stack([value.norm() for value in tensors.values()]),
        f"{title}_first": torch.stack([value.flatten()[:4] for value in tensors.values()]),
        f"{title}_probe": torch.stack([formula.probe(n, v) for n, v in tensors.items()]),
    }
