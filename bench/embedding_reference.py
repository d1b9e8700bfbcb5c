"""Features of pictures by OpenVINO, as a worker (see worker.py for the protocol) for bench/embedding.mjs.

    python bench/embedding_reference.py --model model.onnx --side 32 --threads 2

A variant is `<fp32 or bf16> <latency or throughput> <batch>`. Models are compiled for the batch. With the hint
for throughput, every thread is a stream of its own and computes its share of the batch.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np
import openvino


class Extraction:
    """One compiled model for each variant that is asked for."""

    def __init__(self, model: str, side: int, threads: int) -> None:
        self.core = openvino.Core()
        self.model = model
        self.side = side
        self.threads = threads
        self.runs: dict[str, Callable[[], None]] = {}

    def seconds(self, variant: str) -> float:
        """Seconds for the features of a batch, as `steadySecondsOf` in harness.mjs."""
        if variant not in self.runs:
            self.runs[variant] = self.compile(variant)
        run = self.runs[variant]
        run()
        calls = 0
        start = time.perf_counter()
        while time.perf_counter() - start < 1 / 3:
            run()
            calls += 1
        return (time.perf_counter() - start) / calls

    def compile(self, variant: str) -> Callable[[], None]:
        """What computes a batch."""
        precision, hint, batch = variant.split()
        streams = self.threads if hint == "throughput" else 1
        share = -(-int(batch) // streams)
        model = self.core.read_model(self.model)
        model.reshape([share, 3, self.side, self.side])
        properties = {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "PERFORMANCE_HINT": hint.upper(),
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": streams,
        }
        compiled = self.core.compile_model(model, "CPU", properties)
        shape = (share, 3, self.side, self.side)
        pictures = np.random.default_rng(0).uniform(-2, 2, shape).astype(np.float32)
        requests = openvino.AsyncInferQueue(compiled, streams)

        def run() -> None:
            for _ in range(streams):
                requests.start_async([pictures], share_inputs=True)
            requests.wait_all()

        return run


def main() -> None:
    """Serves extractions until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    extraction = Extraction(arguments.model, arguments.side, arguments.threads)
    print(json.dumps({"openvino": openvino.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": extraction.seconds(line.strip())}), flush=True)


if __name__ == "__main__":
    main()
