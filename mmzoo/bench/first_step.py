"""What mmzoo's AdamW is worth beside Keras' own: processor time to a model's first step, and for an epoch.

    python -m mmzoo.bench.first_step --size nano --size small

Each measurement is a process of its own, the two optimizers in turn, so that other work on the machine falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

STEPS, BATCH = 40, 64
OPTIMIZERS = ("mmzoo", "keras")


def measure(size: str, optimizer: str) -> dict[str, float]:
    """Seconds of processor time of this process, from the built model to the end of its first step, and for an epoch.

    Args:
        size: of the road-sign model.
        optimizer: one of `OPTIMIZERS`.

    Returns:
        {"first": up to the first step, tracing included; "epoch": `STEPS` further steps of `BATCH` samples}.
    """
    import keras

    import mmzoo
    from mmzoo.exporting.probes import random_samples
    from mmzoo.training.optimizer import adamw, warm_up_and_cosine

    model = mmzoo.build_road_sign_model(size=size, seed=0)
    inputs = random_samples(model.schema, BATCH, seed=0)
    rows = np.eye(model.schema["sign"].units, dtype=np.float32)[np.arange(BATCH) % model.schema["sign"].units]
    began = time.process_time()
    chosen = adamw(model, warm_up_and_cosine(1e-3, steps=STEPS, warmup_steps=4), weight_decay=0.02)
    if optimizer == "keras":
        spared = [v for v in model.trainable_variables if not chosen._use_weight_decay(v)]
        chosen = keras.optimizers.AdamW(chosen._learning_rate, weight_decay=0.02)
        chosen.exclude_from_weight_decay(var_list=spared)
    model.compile(chosen, loss={"sign": "categorical_crossentropy"}, jit_compile=False)
    model.train_on_batch(inputs, {"sign": rows})
    first = time.process_time()
    for _ in range(STEPS):
        model.train_on_batch(inputs, {"sign": rows})
    return {"first": first - began, "epoch": time.process_time() - first}


def main(arguments: list[str] | None = None) -> None:
    """Prints the medians of all repetitions and the ratio of the two optimizers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", help="of the road-sign model; may be repeated (nano)")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--one", choices=OPTIMIZERS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    sizes = options.size or ["nano"]
    if options.one:
        print(json.dumps(measure(sizes[0], options.one)))
        return
    for size in sizes:
        found = {name: [] for name in OPTIMIZERS}
        for _ in range(options.repetitions):
            for name in OPTIMIZERS:
                found[name].append(_measured_apart(size, name))
        for part in ("first", "epoch"):
            seconds = {name: np.array([one[part] for one in found[name]]) for name in OPTIMIZERS}
            shares = seconds["mmzoo"] / seconds["keras"]
            medians = ", ".join(f"{name} {np.median(values):.1f} s" for name, values in seconds.items())
            print(f"{size}: {part}: {medians}; ratio {np.median(shares):.2f} ({shares.min():.2f}-{shares.max():.2f})")


def _measured_apart(size, optimizer):
    command = [sys.executable, "-m", "mmzoo.bench.first_step", "--size", size, "--one", optimizer]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


if __name__ == "__main__":
    main()
