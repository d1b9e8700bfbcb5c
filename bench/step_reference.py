"""One training step in plain PyTorch, as a worker (see worker.py) for bench/step.mjs.

    python bench/step_reference.py [--arch resnet50] [--batch-size 64] [--steps 1] [--queue 4096]
                                   [--device cpu] [--threads N]

Timed is what the reference's training loop does with a batch: both forwards, loss, backward, Adam,
momentum update, queue and reading the loss (the fused variants, which need not wait for every step's,
read the last). Making and normalising the pictures is not timed.
"""

import argparse
import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from worker import (  # finds test/parity, too
    Autocast,
    Variant,
    argument_parser,
    random_pictures,
    seconds_now,
    serve,
)

from reference_model import Encoder
from reference_step import ReferenceStep, StepResult

FEATURE_DIM = 128

VARIANTS = {
    "fp32": Variant(torch.contiguous_format),
    "fp32-channels-last": Variant(torch.channels_last),
    "bf16-autocast-channels-last": Variant(torch.channels_last, autocast=True),
    "bf16-fused": Variant(torch.channels_last, autocast=True, fused=True),
    "bf16-compiled": Variant(torch.channels_last, autocast=True, fused=True, compiled="default"),
    # Of a GPU: with CUDA graphs, and with kernels that are chosen by timing them.
    "bf16-compiled-graphs": Variant(
        torch.channels_last, autocast=True, fused=True, compiled="reduce-overhead"
    ),
    "bf16-compiled-autotuned": Variant(
        torch.channels_last, autocast=True, fused=True, compiled="max-autotune-no-cudagraphs"
    ),
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
    """One model for each variant that is asked for, all from the same initial weights."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.options = options
        self.encoder = Encoder(options.arch, FEATURE_DIM).to(options.device)
        queue = functional.normalize(torch.randn(options.queue, FEATURE_DIM), dim=1)
        self.queue = queue.to(options.device)
        self.training: dict[str, ReferenceStep] = {}

    def run(self, name: str) -> float:
        """Seconds of some steps on new pictures."""
        variant, device = VARIANTS[name], self.options.device
        if name not in self.training:
            self.training[name] = self.started(variant)
        torch.backends.cudnn.benchmark = variant.fused
        views = [random_pictures(self.options.batch_size, device) for _ in range(2)]
        start = seconds_now(device)
        for _ in range(self.options.steps):
            result = self.step(variant, self.training[name], views)
        loss = result.loss.item()
        seconds = seconds_now(device) - start
        if not math.isfinite(loss):
            raise ArithmeticError(f"{name}: the loss is {loss}")
        return seconds

    def started(self, variant: Variant) -> ReferenceStep:
        """The reference's training in one variant; the key encoder starts as the query's copy."""
        query = copy.deepcopy(self.encoder).to(memory_format=variant.layout).train()
        if variant.autocast:
            query = Autocast(query, self.options.device)
        key = copy.deepcopy(query)
        if variant.compiled:
            query, key = (torch.compile(network, mode=variant.compiled) for network in (query, key))
        return (FusedStep if variant.fused else ReferenceStep)(query, key, self.queue.clone())

    @staticmethod
    def step(variant: Variant, training: ReferenceStep, views: list[Tensor]) -> StepResult:
        """One step."""
        torch.compiler.cudagraph_mark_step_begin()
        result = training.step(*(v.contiguous(memory_format=variant.layout) for v in views))
        if not variant.fused:
            result.loss.item()
        return result


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argument_parser(__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--queue", type=int, default=4096)
    return parser.parse_args()


def main() -> None:
    """Serves steps until the input ends."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    serve(VARIANTS, Training(arguments).run)


if __name__ == "__main__":
    main()
