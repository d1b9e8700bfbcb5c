"""Encoders that the reference does not have: other widths, stems, heads, and predictors."""

import torch
from torch import Tensor

import formula
from reference_model import Encoder, MlpShape
from reference_step import ReferenceStep
from training_cases import (
    FEATURE_DIM,
    KEY_PREFIX,
    Arithmetic,
    ForwardCase,
    StepCase,
    formula_pictures,
    formula_queue,
    formula_state,
    running_statistics,
    step_results,
    updates_of,
)
from training_fixtures import Fixture, forward_fixture, summary

QUEUE = 5

VARIANTS = {
    # Of three layers as in SimCLR and BYOL's successors, on half the channels.
    "affine": {"width": 0.5, "head": MlpShape(layers=3, hidden_dim=64, last_batch_norm="affine")},
    # As in MoCo v3 and SimSiam, on a quarter of the channels, with a max-pool after the stem.
    "plain": {
        "width": 0.25,
        "stem": "cifar-pool",
        "head": MlpShape(layers=3, hidden_dim=48, last_batch_norm="plain"),
    },
    # One layer as in MoCo v1.
    "linear": {"width": 0.25, "head": MlpShape(layers=1)},
    # Two layers without BatchNorm as in MoCo v2, on wider layers.
    "wide": {"width": 1.25, "head": MlpShape(hidden_dim=32, batch_norm=False)},
    # BYOL's projection head and predictor.
    "predictor": {
        "width": 0.25,
        "head": MlpShape(hidden_dim=64),
        "predictor": MlpShape(hidden_dim=48),
    },
    # The projection is the feature.
    "headless": {"width": 0.25, "head": MlpShape(layers=0)},
}
"""What differs from the reference's resnet18; `variants_test.cc` has the same."""


def variant_encoder(name: str, prefix: str = "") -> Encoder:
    """An encoder with the formula's state."""
    variant = VARIANTS[name]
    with torch.device("meta"):
        encoder = Encoder("resnet18", FEATURE_DIM, **variant)
    encoder = encoder.to_empty(device="cpu")
    encoder.load_state_dict(formula_state(encoder, prefix))
    return encoder.double()


def variant_fixture(name: str) -> Fixture:
    """`variant_<name>`: forward passes and one step."""
    forward = forward_fixture(variant_forward(name))
    fixture = {f"forward_{key}": value for key, value in forward.items()}
    fixture["predictions"] = variant_encoder(name).train().predict(pictures("view1"))
    step = variant_step(name)
    updates = updates_of(step.after.query_encoder, variant_encoder(name))
    fixture |= {"loss": step.loss, "accuracy": step.accuracy, "queue": step.after.queue}
    fixture |= summary("gradient", without_predictor(step.gradients))
    return fixture | summary("query_update", without_predictor(updates))


def variant_forward(name: str) -> ForwardCase:
    """As `forward_case`."""
    encoder = variant_encoder(name)
    with torch.no_grad():
        train_feature, train_out = encoder.train()(pictures("view1"))
        eval_feature, eval_out = variant_encoder(name).eval()(pictures("view1"))
    statistics = {k: v for k, v in running_statistics(encoder).items() if not k.startswith("h.")}
    return ForwardCase(train_feature, train_out, eval_feature, eval_out, statistics)


def variant_step(name: str) -> StepCase:
    """As `step_case`, without the predictor."""
    training = ReferenceStep(
        variant_encoder(name).train(),
        variant_encoder(name, KEY_PREFIX).train(),
        formula_queue(QUEUE, Arithmetic()),
    )
    return step_results(training, training.step(pictures("view1"), pictures("view2")))


def without_predictor(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """All but `h.…`."""
    return {name: value for name, value in tensors.items() if not name.startswith("h.")}


def pictures(name: str) -> Tensor:
    """A batch, float64."""
    return formula_pictures(name, Arithmetic())


def layout_fixture() -> Fixture:
    """`layouts`: hashes of the names and shapes of every tensor of the deep archs, in order."""
    return {
        arch: torch.tensor([formula.name_hash(entry) for entry in layout_of(arch)])
        for arch in ("resnet101", "resnet152")
    }


def layout_of(arch: str) -> list[str]:
    """`f.0.weight 64x3x3x3` …"""
    with torch.device("meta"):
        state = Encoder(arch, FEATURE_DIM).state_dict()
    return [f"{name} {'x'.join(map(str, value.shape))}" for name, value in state.items()]
