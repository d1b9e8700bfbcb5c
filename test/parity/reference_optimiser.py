"""Optimisers and learning rates as the settings name them: torch.optim's own, and LARS."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

Settings = Mapping[str, Any]
"""Keys of moco's configuration; those that are missing have its defaults."""


class Lars(Optimizer):
    """LARS (You et al. 2017) with the learning rate outside of the velocity, as in torch's SGD.

    A group that is not `adapted` has a trust ratio of 1.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        lr: float,
        momentum: float,
        nesterov: bool,
        coefficient: float,
        clip: bool,
    ) -> None:
        defaults = {"momentum": momentum, "nesterov": nesterov}
        super().__init__(groups, {"lr": lr, "coefficient": coefficient, "clip": clip} | defaults)

    @torch.no_grad()
    def step(self) -> None:
        """Updates every parameter by its gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                velocity = self.state[weight].setdefault("velocity", torch.zeros_like(weight))
                update = weight.grad + group["weight_decay"] * weight
                if group["adapted"]:
                    update = update * trust_ratio(weight, group)
                velocity.mul_(group["momentum"]).add_(update)
                if group["nesterov"]:
                    weight.sub_(group["lr"] * (update + group["momentum"] * velocity))
                else:
                    weight.sub_(group["lr"] * velocity)


def trust_ratio(weight: Tensor, group: Mapping[str, Any]) -> float:
    """What LARS multiplies the learning rate by."""
    weight_norm, gradient_norm = weight.norm().item(), weight.grad.norm().item()
    if weight_norm == 0 or gradient_norm == 0:
        ratio = 1.0
    else:
        decayed = gradient_norm + group["weight_decay"] * weight_norm
        ratio = group["coefficient"] * weight_norm / decayed
    if not group["clip"]:
        return ratio
    return 1.0 if ratio >= group["lr"] else ratio / group["lr"]


def make_optimiser(parameters: Iterable[nn.Parameter], settings: Settings) -> Optimizer:
    """The optimiser that the settings name, over all parameters of a network."""
    rate = settings.get("learningRate", 1e-3)
    betas = (settings.get("beta1", 0.9), settings.get("beta2", 0.999))
    momentum = settings.get("optimiserMomentum", 0.9)
    nesterov = settings.get("nesterov", False)
    groups = parameter_groups(parameters, settings)
    match settings.get("optimiser", "adam"):
        case "adam":
            return Adam(groups, lr=rate, betas=betas)
        case "adamw":
            return AdamW(groups, lr=rate, betas=betas)
        case "sgd":
            return SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov)
        case "lars":
            coefficient = settings.get("trustCoefficient", 1e-3)
            clip = settings.get("trustClip", False)
            return Lars(groups, rate, momentum, nesterov, coefficient, clip)
        case other:
            raise ValueError(f"no optimiser {other}")


def parameter_groups(
    parameters: Iterable[nn.Parameter], settings: Settings
) -> list[dict[str, Any]]:
    """Those with weight decay, and those of one dimension, which have none unless it is for all."""
    decay = settings.get("weightDecay", 1e-6)
    everywhere = settings.get("decayNormAndBias", True)
    every = list(parameters)
    decayed = [p for p in every if everywhere or p.dim() > 1]
    others = [p for p in every if not everywhere and p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": decay, "adapted": True},
        {"params": others, "weight_decay": 0.0, "adapted": False},
    ]
    return [group for group in groups if group["params"]]


def learning_rate(settings: Settings, pictures: int, steps_per_epoch: int) -> Callable[[int], float]:
    """The learning rate by the number of the step (from 0) in a run of `epochs` epochs."""
    ratio = pictures / 256
    scale = {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}
    highest = settings.get("learningRate", 1e-3) * scale[settings.get("scaleLearningRate", "none")]
    steps = settings.get("epochs", 500) * steps_per_epoch
    warmup = settings.get("warmupEpochs", 0) * steps_per_epoch
    final = settings.get("finalLearningRate", 0.0)

    def share(step: int) -> float:
        if step < warmup:
            return step / warmup
        match settings.get("schedule", "constant"):
            case "constant":
                return 1.0
            case "step":
                over = [e for e in settings["stepEpochs"] if step >= e * steps_per_epoch]
                return settings.get("stepFactor", 0.1) ** len(over)
            case "cosine":
                progress = (step - warmup) / (steps - warmup)
                return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
            case "one-cycle":
                peak = settings.get("cyclePeak", 0.3) * steps - 1
                if step < peak:
                    return 1 + (1 / 25 - 1) * (1 + math.cos(math.pi * step / peak)) / 2
                progress = (step - peak) / (steps - 1 - peak)
                return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
            case other:
                raise ValueError(f"no schedule {other}")

    return lambda step: highest * share(step)


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Sets the learning rate of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate
