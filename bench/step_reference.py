"""One training step in plain PyTorch, as a worker (see worker.py) for bench/step.mjs.

    python bench/step_reference.py [--arch resnet50] [--batch-size 64] [--queue 4096] [--threads N]

Timed is what the reference's training loop does with a batch: both forwards, loss, backward, Adam,
momentum update, queue and reading the loss. Making and normalising the pictures is not timed.
"""

import argparse
import copy
import math
import time

import torch
from torch import Tensor, nn
from torch.nn import functional
from worker import Autocast, Variant, random_pictures, serve  # finds test/parity, too

from reference_model import Encoder
from reference_step import ReferenceStep

FEATURE_DIM = 128

VARIANTS = {
    "fp32": Variant(torch.contiguous_format),
    "fp32-channels-last": Variant(torch.channels_last),
    "bf16-autocast-channels-last": Variant(torch.channels_last, autocast=True),
    "bf16-fused": Variant(torch.channels_last, autocast=True, fused=True),
    "bf16-compiled": Variant(torch.channels_last, autocast=True, fused=True, compiled=True),
}


class FusedStep(ReferenceStep):
    """The same arithmetic in as few calls as PyTorch has for it."""

    def __init__(self, query: nn.Module, key: nn.Module, queue: Tensor) -> None:
        super().__init__(query, key, queue)
        for group in self.optimizer.param_groups:
            group["fused"] = True

    @torch.no_grad()
    def update_key_encoder(self) -> None:
        """key = momentum * key + (1 - momentum) * query."""
        key, query = (list(m.parameters()) for m in (self.key_encoder, self.query_encoder))
        torch._foreach_lerp_(key, query, 1 - self.momentum)  # noqa: SLF001


class Training:
    """One model for each variant, all from the same initial weights."""

    def __init__(self, arch: str, batch_size: int, queue_length: int) -> None:
        torch.manual_seed(0)
        self.batch_size = batch_size
        encoder = Encoder(arch, FEATURE_DIM)
        queue = functional.normalize(torch.randn(queue_length, FEATURE_DIM), dim=1)
        self.training = {
            name: reference_step(encoder, queue, variant) for name, variant in VARIANTS.items()
        }

    def step(self, name: str) -> float:
        """Seconds of one step on new pictures."""
        variant, training = VARIANTS[name], self.training[name]
        views = [random_pictures(self.batch_size) for _ in range(2)]
        start = time.perf_counter()
        result = training.step(*(v.contiguous(memory_format=variant.layout) for v in views))
        loss = result.loss.item()
        seconds = time.perf_counter() - start
        if not math.isfinite(loss):
            raise ArithmeticError(f"{name}: the loss is {loss}")
        return seconds


def reference_step(encoder: Encoder, queue: Tensor, variant: Variant) -> ReferenceStep:
    """The reference's training in one variant; the key encoder starts as the query's copy."""
    query = copy.deepcopy(encoder).to(memory_format=variant.layout).train()
    if variant.autocast:
        query = Autocast(query)
    key = copy.deepcopy(query)
    if variant.compiled:
        query, key = torch.compile(query), torch.compile(key)
    return (FusedStep if variant.fused else ReferenceStep)(query, key, queue.clone())


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--queue", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def main() -> None:
    """Serves steps until the input ends."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    training = Training(arguments.arch, arguments.batch_size, arguments.queue)
    serve(VARIANTS, training.step)


if __name__ == "__main__":
    main()
