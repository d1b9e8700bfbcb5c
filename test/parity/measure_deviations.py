"""How far other arithmetics are from the fixtures: the table in README.md.

    python test/parity/measure_deviations.py [ARCH ...]

The fixtures are float64, NCHW, on one thread. Runs that differ from them in the order of sums, or
in float32's rounding as well, are compared with them: what they miss, a right implementation may.
"""

import statistics
import sys
from collections.abc import Mapping

import torch
from torch import Tensor

import formula
from adam_fixtures import adam_fixture
from linear_cases import LINEAR_MODES, LinearCase, linear_case
from make_fixtures import ARCHS, FIVE_STEPS_QUEUE, QUEUE
from reference_step import ReferenceStep
from training_cases import (
    Arithmetic,
    FiveStepsCase,
    ForwardCase,
    StepCase,
    five_steps_case,
    forward_case,
    parameter_updates,
    running_statistics,
    step_case,
)

Rows = dict[str, float]

# The layout changes the order of sums, and so does the number of threads.
ORDERS = {
    "fp64": ((Arithmetic(torch.float64, torch.channels_last), 2),),
    "fp32": (
        (Arithmetic(torch.float32, torch.contiguous_format), 1),
        (Arithmetic(torch.float32, torch.channels_last), 2),
    ),
}


def forward_deviations(run: ForwardCase, exact: ForwardCase) -> Rows:
    """Largest deviations of one forward."""
    outputs = ("train_feature", "train_out", "eval_feature", "eval_out")
    distances = {
        f"{name.replace('_', ' ')}: distance": distance(getattr(run, name), getattr(exact, name))
        for name in outputs
    }
    return distances | tensor_deviations("running statistics", run.buffers, exact.buffers)


def step_deviations(arch: str, run: StepCase, exact: StepCase) -> Rows:
    """Largest deviations of one step."""
    return (
        {
            "loss, abs": max_abs(run.loss, exact.loss),
            "keys: distance": distance(run.keys, exact.keys),
        }
        | tensor_deviations("gradient", run.gradients, exact.gradients)
        | update_deviations(arch, "update of one step", run.after, exact.after)
    )


def five_steps_deviations(arch: str, run: FiveStepsCase, exact: FiveStepsCase) -> Rows:
    """Largest deviations after five steps."""
    losses = {
        f"loss of step {t + 1} of 5, abs": max_abs(run.losses[t], exact.losses[t]) for t in range(5)
    }
    rows = losses | {"queue of five steps: distance": distance(run.after.queue, exact.after.queue)}
    for which in ("query", "key"):
        statistics_of = [
            running_statistics(getattr(case.after, f"{which}_encoder")) for case in (run, exact)
        ]
        rows |= tensor_deviations(f"{which} statistics of five steps", *statistics_of)
    return rows | update_deviations(arch, "update of five steps", run.after, exact.after)


def linear_deviations(mode: str, run: LinearCase, exact: LinearCase) -> Rows:
    """Largest deviations of a linear evaluation's epoch and of the test after it."""
    title = f"linear, {mode}"
    rows = {
        f"{title}, losses: distance": distance(run.losses, exact.losses),
        f"{title}, test logits: distance": distance(run.logits, exact.logits),
    } | tensor_deviations(
        f"{title}, classifier update", run.classifier_update, exact.classifier_update
    )
    if mode == "frozen":
        return rows
    return rows | tensor_deviations(f"{title}, statistics", run.buffers, exact.buffers)


def update_deviations(arch: str, title: str, run: ReferenceStep, exact: ReferenceStep) -> Rows:
    """Deviations of what training added to the parameters of both encoders."""
    run_updates, exact_updates = parameter_updates(arch, run), parameter_updates(arch, exact)
    return tensor_deviations(
        f"query {title}", run_updates["query"], exact_updates["query"]
    ) | tensor_deviations(f"key {title}", run_updates["key"], exact_updates["key"])


def tensor_deviations(title: str, run: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> Rows:
    """Deviations of many tensors, each relative to its exact norm.

    Only of what a fixture holds. `summary` is the worst of all norms, first elements and probe
    products. `estimated distance` stands for the L2 distance of the typical tensor: a probe's
    elements have variance 1/3, so sqrt(3) * |probe deviation| is the distance in root mean square.
    """
    summaries, squares = [], []
    for name, expected in exact.items():
        value, scale = run[name].to(torch.float64), expected.norm()
        norm = (value.norm() - scale).abs().item()
        first = max_abs(value.flatten()[:4], expected.flatten()[:4])
        probe = formula.probe(name, value - expected).abs().item()
        summaries.append(max(norm, first, probe) / scale.item())
        squares.append(3 * (probe / scale.item()) ** 2)
    return {
        f"{title}: summary": max(summaries),
        f"{title}: estimated distance": statistics.fmean(squares) ** 0.5,
    }


def distance(run: Tensor, exact: Tensor) -> float:
    """L2 norm of the difference by that of the exact tensor."""
    return ((run.to(torch.float64) - exact).norm() / exact.norm()).item()


def max_abs(run: Tensor, exact: Tensor) -> float:
    """Largest absolute deviation of an element."""
    return (run.to(torch.float64) - exact).abs().max().item()


def deviations(arch: str) -> dict[str, Rows]:
    """All deviations of an architecture by precision, each the worst of its orders of sums."""
    torch.set_num_threads(1)
    exact_forward, exact_step = forward_case(arch), step_case(arch, QUEUE)
    exact_five = five_steps_case(arch, FIVE_STEPS_QUEUE)
    exact_linear = {mode: linear_case(arch, frozen) for mode, frozen in LINEAR_MODES.items()}
    columns: dict[str, Rows] = {}
    for precision, orders in ORDERS.items():
        column = columns.setdefault(f"{arch} {precision}", {})
        for how, threads in orders:
            torch.set_num_threads(threads)
            five = five_steps_case(arch, FIVE_STEPS_QUEUE, how)
            rows = (
                forward_deviations(forward_case(arch, how), exact_forward)
                | step_deviations(arch, step_case(arch, QUEUE, how), exact_step)
                | five_steps_deviations(arch, five, exact_five)
            )
            for mode, frozen in LINEAR_MODES.items():
                rows |= linear_deviations(
                    mode, linear_case(arch, frozen, how), exact_linear[mode]
                )
            for row, value in rows.items():
                column[row] = max(value, column.get(row, 0.0))
    return columns


def adam_deviation() -> float:
    """Largest deviation of an element in float32 of Adam and the momentum update alone."""
    exact, run = adam_fixture(), adam_fixture(torch.float32)
    return max(max_abs(run[key], exact[key]) for key in ("query", "key"))


def main(archs: list[str]) -> None:
    """Prints one Markdown table with a column for each architecture and precision."""
    columns = {name: rows for arch in archs for name, rows in deviations(arch).items()}
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for row in next(iter(columns.values())):
        cells = [f"{column[row]:.0e}" for column in columns.values()]
        print(f"| {row} | " + " | ".join(cells) + " |")
    print(f"\nAdam alone, fp32, max abs: {adam_deviation():.0e}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(ARCHS))
