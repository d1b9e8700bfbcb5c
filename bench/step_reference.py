"""One training step in plain PyTorch, as a worker that another program times its own step against.

    python bench/step_reference.py [--arch resnet50] [--batch-size 64] [--queue 4096] [--threads N]

Protocol, by lines: the worker first prints {"ready": true, "torch": ..., "threads": ...};
each `step <variant>` on standard input runs one step and answers {"variant": ..., "seconds": ...};
`quit`, or the end of the input, ends it. Warming up is the caller's business.

Timed is what the reference's training loop does with a batch: both forwards, loss, backward, Adam,
momentum update, queue and reading the loss. Making and normalising the pictures is not timed.
"""

import argparse
import copy
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1] / "test" / "parity"))

from formula import normalise  # noqa: E402
from reference_model import Encoder  # noqa: E402
from reference_step import ReferenceStep  # noqa: E402

FEATURE_DIM = 128


@dataclass(frozen=True)
class Variant:
    """How a step is computed."""

    layout: torch.memory_format
    autocast: bool


VARIANTS = {
    "fp32": Variant(torch.contiguous_format, autocast=False),
    "fp32-channels-last": Variant(torch.channels_last, autocast=False),
    "bf16-autocast-channels-last": Variant(torch.channels_last, autocast=True),
}


class Autocast(nn.Module):
    """An encoder computed in bf16 where PyTorch thinks it safe; weights and loss stay fp32."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 32, 32) to features (B, C) and outputs (B, D)."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.encoder(x)


class Worker:
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
    return ReferenceStep(query, copy.deepcopy(query), queue.clone())


def random_pictures(count: int) -> Tensor:
    """Random bytes as normalised pictures (count, 3, 32, 32)."""
    return normalise(torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--queue", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def answer(message: dict[str, object]) -> None:
    """One JSON line."""
    print(json.dumps(message), flush=True)


def main() -> None:
    """Serves steps until told to quit."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    worker = Worker(arguments.arch, arguments.batch_size, arguments.queue)
    answer({"ready": True, "torch": torch.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        match line.split():
            case ["quit"]:
                return
            case ["step", name] if name in VARIANTS:
                answer({"variant": name, "seconds": worker.step(name)})
            case _:
                raise ValueError(f"expected `quit` or `step` and one of {', '.join(VARIANTS)}")


if __name__ == "__main__":
    main()
