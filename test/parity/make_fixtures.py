"""Makes all fixtures again, or those that are named.

    python test/parity/make_fixtures.py [name ...]

Needs torch, numpy and Pillow, no network and no data set; takes about a minute.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import formula
from adam_fixtures import adam_fixture
from augment_fixtures import augment_fixture, colour_fixture
from blur_fixtures import blur_fixture
from knn_fixtures import knn_fixture
from linear_cases import LINEAR_MODES, linear_case
from linear_fixtures import linear_fixture
from loss_fixtures import loss_fixture
from measure_fixtures import measure_fixture
from optimiser_fixtures import optimiser_fixture, schedule_fixture
from pipeline_fixtures import pipeline_fixture
from published_cases import RECIPES, published_fixture
from recipe_cases import CASES, recipe_fixture
from resize_fixtures import resize_fixture
from training_cases import (
    Arithmetic,
    five_steps_case,
    formula_encoder,
    formula_queue,
    forward_case,
    grouped_step_case,
    step_case,
)
from training_fixtures import (
    five_steps_fixture,
    forward_fixture,
    grouped_step_fixture,
    step_fixture,
)
from variant_cases import VARIANTS, layout_fixture, variant_fixture

FOLDER = Path(__file__).parent / "fixtures"

ARCHS = ("resnet18", "resnet34", "resnet50")
FIVE_STEPS_ARCHS = ("resnet18", "resnet50")
LINEAR_ARCHS = ("resnet18", "resnet50")
STEM_ARCH = "resnet18"
"""What has the ImageNet stem: nothing after it depends on it."""

# With batches of 8, a queue of 64 is a multiple of the batch, one of 5 is shorter than it, and one
# of 19 wraps within a batch and ends five steps with its oldest key in the middle of the ring.
QUEUE = 64
SHORT_QUEUE = 5
FIVE_STEPS_QUEUE = 19

GROUPS = 2
"""Of four pictures each."""


def fixtures() -> dict[str, Callable[[], dict[str, Tensor]]]:
    """What makes each fixture, by its name."""
    makers: dict[str, Callable[[], dict[str, Tensor]]] = {
        "formula": formula_fixture,
        "adam": adam_fixture,
        "optimiser": optimiser_fixture,
        "schedule": schedule_fixture,
        "knn": knn_fixture,
        "losses": loss_fixture,
        "measures": measure_fixture,
        "augment": augment_fixture,
        "colour": colour_fixture,
        "resize": resize_fixture,
        "blur": blur_fixture,
        "pipelines": pipeline_fixture,
        "step_resnet18_short_queue": partial(made_step, "resnet18", SHORT_QUEUE),
        "step_resnet18_groups": partial(made_grouped_step, "resnet18", GROUPS),
    }
    makers[f"model_{STEM_ARCH}_imagenet"] = partial(made_forward, STEM_ARCH, "imagenet")
    makers[f"step_{STEM_ARCH}_imagenet"] = partial(made_step, STEM_ARCH, QUEUE, "imagenet")
    makers[f"five_steps_{STEM_ARCH}_imagenet"] = partial(made_five_steps, STEM_ARCH, "imagenet")
    makers["layouts"] = layout_fixture
    for name in VARIANTS:
        makers[f"variant_{name}"] = partial(variant_fixture, name)
    for arch in LINEAR_ARCHS:
        for mode, frozen in LINEAR_MODES.items():
            makers[f"linear_{arch}_{mode}"] = partial(made_linear, arch, frozen)
    for arch in ARCHS:
        makers[f"model_{arch}"] = partial(made_forward, arch)
        makers[f"step_{arch}"] = partial(made_step, arch, QUEUE)
    for case in CASES:
        makers[f"recipe_{case}"] = partial(recipe_fixture, case)
    for name in RECIPES:
        makers[f"published_{name}"] = partial(published_fixture, name)
    for arch in FIVE_STEPS_ARCHS:
        makers[f"five_steps_{arch}"] = partial(made_five_steps, arch)
    return makers


def formula_fixture() -> dict[str, Tensor]:
    """`formula`: what another implementation must compute before anything else can agree."""
    return {
        "name_hash": torch.tensor([formula.name_hash(n) for n in ("queue", "view1", "f.0.weight")]),
        "unit": torch.from_numpy(formula.unit("queue", 32)),
        "uniform": formula.uniform("queue", (32,), -1, 1),
        "byte": formula.byte("view1", (32,)),
        "pictures": formula.pictures("view1", 1),
        "stem": formula_encoder("resnet18").f[0].weight[:2],
        "queue": formula_queue(2, Arithmetic()),
    }


def made_forward(arch: str, stem: str = "cifar") -> dict[str, Tensor]:
    """`model_<arch>` and `model_<arch>_imagenet`."""
    return forward_fixture(forward_case(arch, stem=stem))


def made_step(arch: str, queue_length: int, stem: str = "cifar") -> dict[str, Tensor]:
    """`step_<arch>`, `step_<arch>_short_queue` and `step_<arch>_imagenet`."""
    return step_fixture(arch, step_case(arch, queue_length, stem=stem), stem)


def made_grouped_step(arch: str, groups: int) -> dict[str, Tensor]:
    """`step_<arch>_groups`."""
    return grouped_step_fixture(arch, grouped_step_case(arch, QUEUE, groups))


def made_five_steps(arch: str, stem: str = "cifar") -> dict[str, Tensor]:
    """`five_steps_<arch>` and `five_steps_<arch>_imagenet`."""
    return five_steps_fixture(arch, five_steps_case(arch, FIVE_STEPS_QUEUE, stem=stem), stem)


def made_linear(arch: str, frozen_bn: bool) -> dict[str, Tensor]:
    """`linear_<arch>_moving` and `linear_<arch>_frozen`."""
    return linear_fixture(linear_case(arch, frozen_bn))


def save(name: str, fixture: Mapping[str, Tensor]) -> None:
    """Writes a plain dict of contiguous tensors, each with a storage of its own size."""
    plain = {key: value.detach().contiguous().clone() for key, value in fixture.items()}
    torch.save(plain, FOLDER / f"{name}.pt")


def main() -> None:
    """Writes every fixture, or those that are named."""
    # One thread, so that sums have the same order on every run.
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    for name, make in fixtures().items():
        if wanted and name not in wanted:
            continue
        print(name, flush=True)
        save(name, make())


if __name__ == "__main__":
    main()
