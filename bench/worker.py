"""A worker that times PyTorch's side of a comparison for another program (bench/harness.mjs).

Protocol, by lines: the worker first prints {"torch": ..., "threads": ...}; each line on standard input
names a variant, is run once and answered with {"variant": ..., "seconds": ...}; the end of the input
ends it. Warming up is the caller's business.
"""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "test" / "parity"))

from formula import normalise  # noqa: E402


@dataclass(frozen=True)
class Variant:
    """How a network is computed."""

    layout: torch.memory_format
    autocast: bool = False
    weights: torch.dtype = torch.float32
    fused: bool = False
    """The optimiser and the momentum update in a few calls for all parameters."""
    compiled: bool = False
    """By torch.compile."""


class Autocast(nn.Module):
    """A network computed in bf16 where PyTorch thinks it safe; weights and what follows stay fp32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What the network gives."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.network(x)


def random_pictures(count: int) -> Tensor:
    """Random bytes as normalised pictures (count, 3, 32, 32)."""
    return normalise(torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8))


def serve(variants: Iterable[str], seconds_of: Callable[[str], float]) -> None:
    """Runs the variants that the standard input asks for."""
    names = list(variants)
    answer({"torch": torch.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        name = line.strip()
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        answer({"variant": name, "seconds": seconds_of(name)})


def answer(message: dict[str, object]) -> None:
    """One JSON line."""
    print(json.dumps(message), flush=True)
