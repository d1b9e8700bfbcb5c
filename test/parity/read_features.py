"""Reads files of features, as their users would.

    python test/parity/read_features.py PATH...

PATH ends in `.npy`, `.csv`, `.parquet` or `.safetensors`. Prints one JSON line for each: the numbers
(as of fp32), row by row; for all but `.npy`, names and labels, too. Parquet needs pyarrow: without
it, its line is null.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open


def of_npy(path: Path) -> dict:
    rows = np.load(path, allow_pickle=False)
    mapped = np.load(path, mmap_mode="r")
    assert (mapped == rows).all()
    return {"dtype": str(rows.dtype), "rows": rows.astype("f4").tolist()}


def of_csv(path: Path) -> dict:
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    columns = [name for name in table[0] if name.startswith("embedding_")]
    return {
        "names": [line["filename"] for line in table],
        "labels": [line.get("label") or None for line in table],
        "rows": [[float(np.float32(line[name])) for name in columns] for line in table],
    }


def of_parquet(path: Path) -> dict | None:
    try:
        from pyarrow import parquet
    except ImportError:
        return None
    table = parquet.read_table(path)
    assert str(table.schema.field("embedding").type) == "list<element: float not null>"
    columns = {name: table.column(name).to_pylist() for name in ("id", "label", "embedding")}
    return {"names": columns["id"], "labels": columns["label"], "rows": columns["embedding"]}


def of_safetensors(path: Path) -> dict:
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        meta = json.loads(file.metadata()["features"])
    names, classes = (json.loads(tensors[name].tobytes()) for name in ("ids", "classes"))
    return {
        "dtype": str(tensors["features"].dtype),
        "names": names,
        "labels": [None if label < 0 else classes[label] for label in tensors["labels"]],
        "rows": tensors["features"].astype("f4").tolist(),
        "version": meta["version"],
    }


READERS = {
    ".npy": of_npy,
    ".csv": of_csv,
    ".parquet": of_parquet,
    ".safetensors": of_safetensors,
}

for path in map(Path, sys.argv[1:]):
    print(json.dumps(READERS[path.suffix](path)))
