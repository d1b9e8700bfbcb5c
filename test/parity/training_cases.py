"""The cases behind the training fixtures: formula encoders, one forward, one step, five steps.

Each case runs in any precision and memory layout. The fixtures hold the float64 results; the same
cases in other arithmetics say how far a right implementation may be from them
(`measure_deviations.py`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

import formula
from reference_groups import use_groups
from reference_model import Encoder
from reference_step import ReferenceStep, StepResult

BATCH = 8
FEATURE_DIM = 128
KEY_ORDER = (5, 0, 7, 2, 4, 1, 6, 3)
"""In which the key encoder gets the pictures of a step with groups."""
KEY_PREFIX = "key."
"""Goes before the names of the key encoder's tensors where they are hashed to seeds."""


@dataclass(frozen=True)
class Arithmetic:
    """How a case is computed."""

    dtype: torch.dtype = torch.float64
    layout: torch.memory_format = torch.contiguous_format


@dataclass
class ForwardCase:
    """Training mode once, evaluation mode once, both from the same formula state."""

    train_feature: Tensor
    train_out: Tensor
    eval_feature: Tensor
    eval_out: Tensor
    buffers: dict[str, Tensor]
    """Running statistics after the forward in training mode."""


@dataclass
class StepCase:
    """One step; the gradients are the loss's own, without weight decay."""

    loss: Tensor
    accuracy: Tensor
    query: Tensor
    keys: Tensor
    gradients: dict[str, Tensor]
    after: ReferenceStep
    """Encoders and queue (oldest key first) after the step."""


@dataclass
class FiveStepsCase:
    """Five steps on five pairs of views."""

    losses: Tensor
    accuracies: Tensor
    after: ReferenceStep
    """Encoders and queue (oldest key first) after the five steps."""


def forward_case(
    arch: str, arithmetic: Arithmetic = Arithmetic(), stem: str = "cifar"
) -> ForwardCase:
    """Forward of `view1`."""
    pictures = formula_pictures("view1", arithmetic)
    encoder = formula_encoder(arch, arithmetic, stem=stem)
    with torch.no_grad():
        train_feature, train_out = encoder.train()(pictures)
        fresh = formula_encoder(arch, arithmetic, stem=stem)
        eval_feature, eval_out = fresh.eval()(pictures)
    return ForwardCase(
        train_feature, train_out, eval_feature, eval_out, running_statistics(encoder)
    )


def step_case(
    arch: str, queue_length: int, arithmetic: Arithmetic = Arithmetic(), stem: str = "cifar"
) -> StepCase:
    """One step on `view1` (query) and `view2` (key)."""
    training = formula_training(arch, queue_length, arithmetic, stem)
    result = training.step(
        formula_pictures("view1", arithmetic), formula_pictures("view2", arithmetic)
    )
    return step_results(training, result)


def step_results(training: ReferenceStep, result: StepResult) -> StepCase:
    """What a step has left."""
    gradients = {n: p.grad for n, p in training.query_encoder.named_parameters()}
    loss = result.loss.detach()
    return StepCase(loss, result.accuracy, result.query, result.keys, gradients, training)


def grouped_step_case(arch: str, queue_length: int, groups: int) -> StepCase:
    """The same with BatchNorm over groups of the batch, and shuffled keys."""
    training = formula_training(arch, queue_length, Arithmetic())
    for encoder in (training.query_encoder, training.key_encoder):
        use_groups(encoder, groups)
    views = [formula_pictures(name, Arithmetic()) for name in ("view1", "view2")]
    return step_results(training, training.step(*views, torch.tensor(KEY_ORDER)))


def five_steps_case(
    arch: str, queue_length: int, arithmetic: Arithmetic = Arithmetic(), stem: str = "cifar"
) -> FiveStepsCase:
    """Five steps, the t-th (from 0) on `view1.s<t>` and `view2.s<t>`."""
    training = formula_training(arch, queue_length, arithmetic, stem)
    results = [
        training.step(
            formula_pictures(f"view1.s{t}", arithmetic), formula_pictures(f"view2.s{t}", arithmetic)
        )
        for t in range(5)
    ]
    losses = torch.stack([result.loss.detach() for result in results])
    return FiveStepsCase(losses, torch.stack([result.accuracy for result in results]), training)


def formula_training(
    arch: str, queue_length: int, arithmetic: Arithmetic, stem: str = "cifar"
) -> ReferenceStep:
    """Formula encoders and queue with the reference's hyperparameters.

    The key encoder is not the query encoder's copy, so that a mix-up of the two shows.
    """
    return ReferenceStep(
        formula_encoder(arch, arithmetic, stem=stem).train(),
        formula_encoder(arch, arithmetic, KEY_PREFIX, stem).train(),
        formula_queue(queue_length, arithmetic),
    )


def formula_encoder(
    arch: str, arithmetic: Arithmetic = Arithmetic(), prefix: str = "", stem: str = "cifar"
) -> Encoder:
    """An encoder with the formula's state; the prefix goes before each name in its seed."""
    with torch.device("meta"):
        encoder = Encoder(arch, FEATURE_DIM, stem)
    encoder = encoder.to_empty(device="cpu")
    encoder.load_state_dict(formula_state(encoder, prefix))
    return encoder.to(arithmetic.dtype).to(memory_format=arithmetic.layout)


def formula_state(encoder: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """Every parameter and buffer of an encoder by the formula, float32 (the counters int64)."""
    state: dict[str, Tensor] = {}
    for path, module in encoder.named_modules():
        for name, tensor in module.named_parameters(recurse=False):
            low, high = parameter_range(module, name)
            full_name = f"{path}.{name}"
            state[full_name] = formula.uniform(prefix + full_name, tuple(tensor.shape), low, high)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            shape = (module.num_features,)
            mean, variance = f"{path}.running_mean", f"{path}.running_var"
            state[mean] = formula.uniform(prefix + mean, shape, -0.1, 0.1)
            state[variance] = formula.uniform(prefix + variance, shape, 0.5, 1.5)
            state[f"{path}.num_batches_tracked"] = torch.tensor(0)
    return state


def parameter_range(module: nn.Module, name: str) -> tuple[float, float]:
    """The interval from which the formula draws a parameter."""
    match module, name:
        case nn.Conv2d(), "weight":
            fan_out = module.out_channels * math.prod(module.kernel_size)
            return -math.sqrt(6 / fan_out), math.sqrt(6 / fan_out)
        case nn.Linear(), "weight":
            return -math.sqrt(3 / module.in_features), math.sqrt(3 / module.in_features)
        case nn.Linear(), "bias":
            return -0.1, 0.1
        case nn.BatchNorm1d() | nn.BatchNorm2d(), "weight":
            return 0.5, 1.5
        case nn.BatchNorm1d() | nn.BatchNorm2d(), "bias":
            return -0.2, 0.2
    raise ValueError(f"no formula for {name} of {module}")


def formula_pictures(name: str, arithmetic: Arithmetic, batch: int = BATCH) -> Tensor:
    """Pictures (batch, 3, 32, 32): float32 values, in the arithmetic's type and layout."""
    pictures = formula.pictures(name, batch)
    return pictures.to(arithmetic.dtype).contiguous(memory_format=arithmetic.layout)


def formula_queue(length: int, arithmetic: Arithmetic) -> Tensor:
    """Queue (length, 128), rows L2-normalised in the arithmetic's type."""
    queue = formula.uniform("queue", (length, FEATURE_DIM), -1, 1)
    return functional.normalize(queue.to(arithmetic.dtype), dim=1)


def parameter_updates(
    arch: str, after: ReferenceStep, stem: str = "cifar"
) -> dict[str, dict[str, Tensor]]:
    """By `query` and `key`: what training added to each parameter, float64."""
    return {
        "query": updates_of(after.query_encoder, formula_encoder(arch, stem=stem)),
        "key": updates_of(after.key_encoder, formula_encoder(arch, prefix=KEY_PREFIX, stem=stem)),
    }


def updates_of(encoder: nn.Module, before: nn.Module) -> dict[str, Tensor]:
    """An encoder's parameters minus those of another, in float64."""
    start = dict(before.named_parameters())
    return {
        name: value.detach().to(torch.float64) - start[name].detach()
        for name, value in encoder.named_parameters()
    }


def running_statistics(encoder: nn.Module) -> dict[str, Tensor]:
    """Running means and variances by name, in the state dict's order."""
    return {name: value for name, value in encoder.named_buffers() if value.is_floating_point()}
