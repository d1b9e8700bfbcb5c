"""BatchNorm over groups of the batch: in training, each normalises its pictures on its own.

This is what several devices do, each with its share of the batch. Groups are of consecutive
pictures. (In official MoCo's CIFAR demo, `SplitBatchNorm`, picture n is in group n modulo the number
of groups; pictures are in random order, so that this makes no difference.) The running statistics
move towards the mean over the groups of their means and unbiased variances, as they do there.
"""

from functools import partial

import torch
from torch import Tensor, nn


def use_groups(encoder: nn.Module, groups: int) -> None:
    """Splits the batch of every BatchNorm of an encoder in training mode."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.forward = partial(grouped_norm, module, groups)


def grouped_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, groups: int, x: Tensor) -> Tensor:
    """(B, C) or (B, C, H, W), normalised in training mode."""
    across = [dimension for dimension in range(x.dim()) if dimension != 1]
    shape = [-1 if dimension == 1 else 1 for dimension in range(x.dim())]
    outputs, means, variances = [], [], []
    for part in x.chunk(groups):
        mean = part.mean(across, keepdim=True)
        variance = (part - mean).square().mean(across, keepdim=True)
        normalised = (part - mean) / (variance + norm.eps).sqrt()
        if norm.affine:
            normalised = normalised * norm.weight.view(shape) + norm.bias.view(shape)
        outputs.append(normalised)
        rows = part.numel() // part.shape[1]
        means.append(mean.detach().flatten())
        variances.append(variance.detach().flatten() * rows / (rows - 1))
    move(norm.running_mean, torch.stack(means).mean(dim=0), norm.momentum)
    move(norm.running_var, torch.stack(variances).mean(dim=0), norm.momentum)
    norm.num_batches_tracked += 1
    return torch.cat(outputs)


@torch.no_grad()
def move(running: Tensor, batch: Tensor, momentum: float) -> None:
    """running = (1 - momentum) * running + momentum * batch."""
    running.mul_(1 - momentum).add_(batch, alpha=momentum)
