"""Trains on CIFAR-10 in plain PyTorch for some time, for bench/training.mjs.

    python bench/training_reference.py --contestant script|best --data-root data --out models
                                       [--arch resnet50] [--minutes 60] [--every 10] [--seed 0] [--threads N]

`script` is the reference's training: Adam, fp32, views by Pillow in the workers of a DataLoader. `best`
is the recipe of official MoCo's CIFAR-10 demo as fast as PyTorch computes it on a CPU in one process:
bf16, channels last, fused updates, and views of a whole batch made at once from tensors. Its learning
rate falls to 0 within the time, as the demo's within its 200 epochs.

Every so many minutes of training it writes the query encoder to `<out>/<seconds>.pth`, and a line
{"path", "seconds", "pictures", "loss"} to the standard output. Writing is not in the seconds.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from step_reference import FusedStep
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from worker import Autocast  # finds test/parity, too

from formula import normalise
from reference_augment import ViewParameters, view
from reference_model import Encoder, MlpShape
from reference_step import ReferenceStep

SIZE, FEATURE_DIM, QUEUE = 32, 128, 4096
CROP_SCALE, CROP_RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
JITTER, HUE, JITTERED, GREYSCALE = 0.4, 0.1, 0.8, 0.2
GREY_WEIGHTS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Recipe:
    """What the contestants do otherwise."""

    batch_size: int
    temperature: float
    momentum: float
    workers: int
    groups: int = 1
    """Of BatchNorm."""


RECIPES = {
    "script": Recipe(batch_size=256, temperature=0.5, momentum=0.999, workers=2),
    "best": Recipe(batch_size=512, temperature=0.1, momentum=0.99, workers=0, groups=8),
}


def load_pictures(data_root: Path) -> np.ndarray:
    """The training pictures (50000, 32, 32, 3), bytes."""
    files = sorted((data_root / "cifar-10-batches-bin").glob("data_batch_*.bin"))
    records = np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 1 + 3 * SIZE**2) for f in files])
    pictures = records[:, 1:].reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures)


def drawn_boxes(batch: int, generator: torch.Generator) -> Tensor:
    """Top, left, height and width (batch, 4) of crops, as torchvision draws them, without retries."""
    area = SIZE**2 * torch.empty(batch).uniform_(*CROP_SCALE, generator=generator)
    low, high = (math.log(ratio) for ratio in CROP_RATIO)
    ratio = torch.empty(batch).uniform_(low, high, generator=generator).exp()
    width = (area * ratio).sqrt().round().clamp(1, SIZE)
    height = (area / ratio).sqrt().round().clamp(1, SIZE)
    left, top = (
        (torch.rand(batch, generator=generator) * (SIZE - side + 1)).floor()
        for side in (width, height)
    )
    return torch.stack((top, left, height, width), dim=1)


class Views(Dataset):
    """Two views of each picture by Pillow, one picture at a time."""

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Normalised views (3, 32, 32)."""
        return tuple(
            normalise(torch.from_numpy(view(self.pictures[index], self.parameters()).copy())[None])[
                0
            ]
            for _ in range(2)
        )

    @staticmethod
    def parameters() -> ViewParameters:
        """Drawn from PyTorch's generator, which a DataLoader seeds for each worker."""
        draws = torch.rand(7).tolist()
        factors = tuple(1 + JITTER * (2 * draw - 1) for draw in draws[:3])
        box = drawn_boxes(1, torch.default_generator)[0].int().tolist()
        return ViewParameters(
            box=tuple(box),
            flip=draws[3] < 0.5,
            jitter=draws[4] < JITTERED,
            order=tuple(torch.randperm(4).tolist()),
            factors=(*factors, HUE * (2 * draws[5] - 1)),
            greyscale=draws[6] < GREYSCALE,
        )


def loaded_views(
    pictures: np.ndarray, recipe: Recipe, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The views of batch after batch, epoch after epoch, from a DataLoader's workers."""
    torch.manual_seed(seed)
    loader = DataLoader(
        Views(pictures), recipe.batch_size, shuffle=True, drop_last=True, num_workers=recipe.workers
    )
    while True:
        yield from loader


def batched_views(
    pictures: np.ndarray, recipe: Recipe, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The same from tensors of whole batches; floating-point where Pillow has bytes."""
    generator = torch.Generator().manual_seed(seed)
    every = torch.from_numpy(pictures)
    while True:
        order = torch.randperm(len(every), generator=generator)
        for batch in order.split(recipe.batch_size):
            if len(batch) == recipe.batch_size:
                chosen = every[batch].permute(0, 3, 1, 2).float().div(255)
                yield tuple(batch_view(chosen, generator) for _ in range(2))


def batch_view(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """One view of each picture (B, 3, 32, 32) of a batch, normalised; jitter has one order for all."""
    batch = len(pictures)

    def draws(spread: float = 0.5, middle: float = 0.5) -> Tensor:
        drawn = torch.rand(batch, 1, 1, 1, generator=generator)
        return middle + spread * (2 * drawn - 1)

    views = cropped(pictures, generator)
    jittered = views
    for operation in torch.randperm(4, generator=generator).tolist():
        if operation == 3:
            jittered = hue_shifted(jittered, draws(HUE, 0))
        else:
            other = (torch.zeros_like, mean_grey, grey)[operation](jittered)
            jittered = (other + draws(JITTER, 1) * (jittered - other)).clamp(0, 1)
    views = torch.where(draws() < JITTERED, jittered, views)
    views = torch.where(draws() < GREYSCALE, grey(views), views)
    return standardised(views).contiguous(memory_format=torch.channels_last)


def cropped(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Random crops, half of them flipped, resized bilinearly."""
    top, left, height, width = drawn_boxes(len(pictures), generator).T / SIZE
    flip = torch.where(torch.rand(len(pictures), generator=generator) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(top)
    theta = torch.stack(
        (flip * width, zero, 2 * left + width - 1, zero, height, 2 * top + height - 1), dim=1
    ).view(-1, 2, 3)
    grid = functional.affine_grid(theta, pictures.shape, align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def grey(pictures: Tensor) -> Tensor:
    """Luma in all three channels."""
    weights = torch.tensor(GREY_WEIGHTS).view(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True).expand_as(pictures)


def mean_grey(pictures: Tensor) -> Tensor:
    """The mean luma of each picture."""
    return grey(pictures).mean(dim=(2, 3), keepdim=True).expand_as(pictures)


def hue_shifted(pictures: Tensor, shift: Tensor) -> Tensor:
    """Colours turned by a part of the circle, as HSV has it."""
    largest, smallest = pictures.amax(dim=1, keepdim=True), pictures.amin(dim=1, keepdim=True)
    spread = (largest - smallest).clamp_min(1e-8)
    red, green, blue = pictures.split(1, dim=1)
    hue = torch.where(
        largest == red,
        (green - blue) / spread,
        torch.where(largest == green, 2 + (blue - red) / spread, 4 + (red - green) / spread),
    )
    # Each channel's value by its distance on the circle (Smith 1978, without the hexagon's cases).
    places = torch.tensor((5.0, 3.0, 1.0)).view(1, 3, 1, 1)
    turned = (places + hue + 6 * shift) % 6
    share = torch.minimum(turned, 4 - turned).clamp(0, 1)
    return largest - (largest - smallest) * share


def standardised(pictures: Tensor) -> Tensor:
    """Normalised as bytes are."""
    black, white = normalise(torch.tensor([[[[0] * 3, [255] * 3]]], dtype=torch.uint8)).split(
        1, dim=3
    )
    return pictures * (white - black) + black


def started(options: argparse.Namespace, recipe: Recipe) -> ReferenceStep:
    """Encoders, optimiser and queue as they begin."""
    torch.manual_seed(options.seed)
    is_best = options.contestant == "best"
    head = MlpShape(layers=1) if is_best else MlpShape()
    query: nn.Module = Encoder(options.arch, FEATURE_DIM, head=head).train()
    if is_best:
        query = Autocast(query.to(memory_format=torch.channels_last), torch.device("cpu"))
    key = deepcopy(query)
    queue = functional.normalize(torch.randn(QUEUE, FEATURE_DIM), dim=1)
    kind = FusedStep if is_best else ReferenceStep
    training = kind(query, key, queue)
    training.temperature, training.momentum = recipe.temperature, recipe.momentum
    if is_best:
        for encoder in (query, key):
            split_norms(encoder, recipe.groups)
        training.optimizer = torch.optim.SGD(
            query.parameters(), lr=0.06, momentum=0.9, weight_decay=5e-4, fused=True
        )
    return training


def split_norms(encoder: nn.Module, groups: int) -> None:
    """In training, BatchNorm normalises so many parts of a batch on their own."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = partial(split_norm, module, groups)


def split_norm(norm: nn.BatchNorm2d, groups: int, x: Tensor) -> Tensor:
    """PyTorch's BatchNorm of each part; the running statistics move towards the mean of theirs."""
    means, variances = (s.repeat(groups, 1) for s in (norm.running_mean, norm.running_var))
    parts = [
        functional.batch_norm(
            part, mean, variance, norm.weight, norm.bias, True, norm.momentum, norm.eps
        )
        for part, mean, variance in zip(x.chunk(groups), means, variances, strict=True)
    ]
    norm.running_mean.copy_(means.mean(dim=0))
    norm.running_var.copy_(variances.mean(dim=0))
    return torch.cat(parts)


def trained(options: argparse.Namespace) -> None:
    """Trains, and writes models on the way."""
    recipe = RECIPES[options.contestant]
    training = started(options, recipe)
    make = loaded_views if recipe.workers > 0 else batched_views
    views = make(load_pictures(options.data_root), recipe, options.seed)
    end, every = 60 * options.minutes, 60 * options.every
    seconds, due = 0.0, every
    for steps in count(1):
        start = time.perf_counter()
        if options.contestant == "best":
            training.optimizer.param_groups[0]["lr"] = 0.03 * (
                1 + math.cos(math.pi * seconds / end)
            )
        order = torch.randperm(recipe.batch_size) if recipe.groups > 1 else None
        loss = training.step(*next(views), order).loss.item()
        seconds = min(seconds + time.perf_counter() - start, end)
        if seconds >= min(due, end):
            due += every
            report(
                options, training, seconds, {"pictures": steps * recipe.batch_size, "loss": loss}
            )
        if seconds >= end:
            return


def report(
    options: argparse.Namespace, training: ReferenceStep, seconds: float, said: dict
) -> None:
    """Writes the query encoder, and says what it is."""
    encoder = training.query_encoder
    encoder = encoder.network if isinstance(encoder, Autocast) else encoder
    path = options.out / f"{seconds:05.0f}.pth"
    torch.save({k: v.contiguous() for k, v in encoder.state_dict().items()}, path)
    print(json.dumps({"path": str(path), "seconds": seconds} | said), flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contestant", choices=sorted(RECIPES), required=True)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    trained(options)


if __name__ == "__main__":
    main()
