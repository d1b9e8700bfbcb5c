"""Prints the names that torch.load's safe default allows in a pickle, as a list in JSON."""

import json

from torch import _weights_only_unpickler

print(json.dumps(sorted(_weights_only_unpickler._get_allowed_globals())))
