"""Exact search by faiss's flat index, as a worker for bench/search.mjs.

    python bench/search_reference.py --file F.safetensors --offset BYTES --rows N --dims D
                                     --queries Q.f32 [--k 10] [--threads N]

By lines: first it prints {"version": ..., "threads": ...}; each line of input is a number of queries,
which are searched for, and the answer tells the seconds and the rows that were found for them.
"""

import argparse
import json
import sys
import time

import faiss
import numpy as np

ROWS_AT_ONCE = 10_000


def index_of(arguments: argparse.Namespace) -> faiss.IndexFlatIP:
    """All rows of the file, which are normalised, in faiss's memory."""
    shape = (arguments.rows, arguments.dims)
    rows = np.memmap(arguments.file, np.float32, mode="r", offset=arguments.offset, shape=shape)
    index = faiss.IndexFlatIP(arguments.dims)
    for first in range(0, arguments.rows, ROWS_AT_ONCE):
        index.add(np.ascontiguousarray(rows[first : first + ROWS_AT_ONCE]))
    return index


def main() -> None:
    """Serves searches until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", required=True)
    parser.add_argument("--offset", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--dims", type=int, required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=faiss.omp_get_max_threads())
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(arguments.threads)
    index = index_of(arguments)
    queries = np.fromfile(arguments.queries, np.float32).reshape(-1, arguments.dims)
    print(json.dumps({"version": faiss.__version__, "threads": arguments.threads}), flush=True)
    for line in sys.stdin:
        some = queries[: int(line)]
        start = time.perf_counter()
        _, found = index.search(some, arguments.k)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "found": found.ravel().tolist()}), flush=True)


if __name__ == "__main__":
    main()
