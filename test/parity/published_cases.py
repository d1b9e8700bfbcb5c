"""Five steps of every recipe that moco comes with (recipes/*.json).

What makes a step large is smaller here: batch, pictures, queue, channels, and the length of the run, so
that its five steps go through the whole schedule. What a recipe says about views decides which encoder
sees them and their sizes; how they are made has fixtures of its own.
"""

import json
from pathlib import Path

from torch import Tensor

from recipe_cases import STEPS, five_steps
from reference_recipe import ONE_SIDED

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.json"))

MOST = {
    "featureDim": 32,
    "headHiddenDim": 48,
    "predictorHiddenDim": 48,
    "m": 23,
    "batchNormGroups": 2,
    "warmupEpochs": 2,
}
DEFAULTS = {"featureDim": 128, "m": 4096, "headHiddenDim": 512}
WIDTH = 0.25
STEP_EPOCHS = [3, 4]
SIDES = {"cifar": 16, "imagenet": 64}
"""Of a whole picture, by the stem."""


def published_fixture(name: str) -> dict[str, Tensor]:
    """`published_<name>`."""
    recipe = json.loads((FOLDER / f"{name}.json").read_text())
    return five_steps(smaller(recipe["settings"]))


def smaller(settings: dict) -> dict:
    """The same experiment with everything at most as large as above."""
    limited = {
        key: min(value, MOST[key]) if key in MOST else value
        for key, value in (DEFAULTS | settings).items()
    }
    if "stepEpochs" in settings:
        limited["stepEpochs"] = STEP_EPOCHS
    side = SIDES[settings.get("stem", "cifar")]
    whole = settings.get("imageSize", 32)
    limited["views"] = [
        {
            "role": group["role"],
            "count": group.get("count", 1),
            "size": group.get("size", whole) * side // whole,
        }
        for group in settings.get("views", ONE_SIDED)
    ]
    return limited | {"width": WIDTH, "epochs": STEPS}
