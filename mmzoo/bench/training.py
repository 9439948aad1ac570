"""Training: what mmzoo's own parts cost beside the bare layers, what the input pipeline costs, and XLA."""

from __future__ import annotations

import gc
import itertools
import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mmzoo.bench.figures import Figure, ratio

SECTION, PIPELINE = "training", "input pipeline"
BATCH = 64
# At the start of each turn the prefetched batches are used up first.
SKIPPED = 8
# A step with XLA takes seconds where XLA is slow.
XLA_ROUNDS = 2

BARE = "bare Keras model, model.fit"
LAYERS = "mmzoo's model, model.fit"
MEMORY = "mmzoo's model, the way mmzoo.fit feeds it"
STREAM = "the same, through the pipeline with augmentation"
WITHOUT_XLA, WITH_XLA = "without XLA (turns of few steps)", "with XLA (turns of few steps)"


def training_figures(
    model,
    batches_of: Callable[[int], Any],
    *,
    bare=None,
    loading: float,
    samples: int,
    rounds: int,
    steps: int,
    xla_steps: int,
) -> list[Figure]:
    """Trains copies of a model in turn, on samples in memory.

    Args:
        model: the model, left as it is.
        batches_of: a function of the epoch that gives its batches, shuffled and augmented.
        bare: a Keras model of the same layers without mmzoo around them; None leaves it out.
        loading: samples a second at which the data was loaded or drawn.
        samples: number of samples in memory, at least `BATCH`.
        rounds: rounds of measurements; in each, every way of training has its turn.
        steps: steps (batches of 64) of each turn that count.
        xla_steps: steps of each turn where XLA is compared; 0 leaves it out, as compiling takes a minute.

    Returns:
        Samples/s of each way of training and of the pipeline alone, and ratios.
    """
    from mmzoo.training.batches import Batches
    from mmzoo.training.feed import Feed
    from mmzoo.training.plan import copy_of

    def augmented():
        return batches_of(0).repeat()

    turn = steps + SKIPPED
    # Already augmented, so that all ways of training compute the same.
    held = list(itertools.islice(augmented().as_numpy_iterator(), min(turn, max(samples // BATCH, 1))))
    batches = {
        MEMORY: Batches(held, model.schema, "train", steps=turn),
        STREAM: Batches(augmented(), model.schema, "train", steps=turn),
    }
    in_memory = _repeated(list(batches[MEMORY].peek(len(held))))

    ours = _compiled(copy_of(model), model, jit=False)
    ways = {
        **({} if bare is None else {BARE: (_compiled(bare, model, jit=False), lambda: in_memory)}),
        LAYERS: (ours, lambda: in_memory),
        MEMORY: (ours, lambda: Feed(batches[MEMORY]).for_keras()),
        STREAM: (ours, lambda: Feed(batches[STREAM]).for_keras()),
    }
    rates = _interleaved(ways, rounds, turn, skipped=SKIPPED)
    streamed = [_rate(augmented().as_numpy_iterator(), turn) for _ in range(rounds)]
    peak = _peak_memory()
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    figures = [Figure(SECTION, name, value, "samples/s", note=_NOTES[name]) for name, value in medians.items()]
    # Last: it takes memory of its own, and long.
    figures += _xla_figures(model, ours, in_memory, batches[MEMORY], xla_steps)
    pipeline = float(np.median(streamed))
    figures += [
        Figure(
            PIPELINE, "arrays to batches, shuffled and augmented", pipeline, "samples/s", note="nothing else running"
        ),
        Figure(PIPELINE, "loading or drawing the samples", loading, "samples/s", note=f"{samples:,} of them"),
    ]
    if peak:
        note = "with TensorFlow, the data and what was measured before, without XLA"
        figures.append(Figure("peak memory", "process that trains", peak * 1024 / 1e6, "MB", note=note))
    shares = ((STREAM, MEMORY, 0.95),)
    if bare is not None:
        shares = ((MEMORY, BARE, 0.9), (LAYERS, BARE, None), *shares)
    return figures + [
        ratio(one, rates[one], other, rates[other], note=f"wanted: >= {least}" if least else "")
        for one, other, least in shares
    ]


_NOTES = {
    BARE: "the same layers without schema, dropout of inputs and absent vectors; batches ready in memory",
    LAYERS: "batches ready in memory",
    MEMORY: "batches in memory",
    STREAM: "",
}


def _compiled(model, described, *, jit):
    """A model with the losses and metrics of another that has a schema and the same outputs."""
    from mmzoo.training.objectives import losses_for, metrics_for
    from mmzoo.training.optimizer import adamw

    optimizer = adamw(model, 1e-3, weight_decay=0.02)
    model.compile(
        optimizer, loss=losses_for(described, None), **metrics_for(described, None), jit_compile=jit
    )  # fmt: skip
    return model


def _repeated(batches):
    import tensorflow as tf

    rows = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(rows).batch(BATCH).cache().repeat().prefetch(2)


def _interleaved(ways, rounds, turn, *, skipped):
    """Name -> samples/s of each turn, without its first steps, which trace and compile in the first turn."""
    rates = {name: [] for name in ways}
    for number in range(rounds):
        # There and back, so that a drift of the machine's speed doesn't favour the first.
        for name, (model, data) in list(ways.items())[:: -1 if number % 2 else 1]:
            clock = _clock(skipped)
            model.fit(data(), steps_per_epoch=turn, shuffle=False, verbose=0, callbacks=[clock])
            gc.collect()  # The threads of this way's pipeline must not run beside the next.
            rates[name].append(clock.rate())
    return rates


def _clock(skipped):
    import keras

    class Clock(keras.callbacks.Callback):
        """When each step ended, but for the first ones."""

        def on_train_begin(self, logs=None):
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

        def rate(self):
            ends = self.ends[skipped - 1 :]
            return BATCH * (len(ends) - 1) / (ends[-1] - ends[0])

    return Clock()


def _rate(batches: Iterator, turn: int) -> float:
    ends = []
    for _ in itertools.islice(batches, turn):
        ends.append(time.perf_counter())
    ends = ends[SKIPPED - 1 :]
    return BATCH * (len(ends) - 1) / (ends[-1] - ends[0])


def _xla_figures(model, without, in_memory, batches, steps):
    """With and without XLA, and which way `jit_compile="auto"` goes in a long training."""
    from mmzoo.training.acceleration import choose_jit
    from mmzoo.training.plan import copy_of

    if not steps:
        return [
            Figure(SECTION, name, None, "samples/s", note="left out by --quick") for name in (WITHOUT_XLA, WITH_XLA)
        ]
    compiled = _compiled(copy_of(model), model, jit=True)
    ways = {WITHOUT_XLA: (without, lambda: in_memory), WITH_XLA: (compiled, lambda: in_memory)}
    rates = _interleaved(ways, XLA_ROUNDS, steps + 1, skipped=1)
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    figures = [Figure(SECTION, name, value, "samples/s") for name, value in medians.items()]

    def compiled_copy(jit):
        return _compiled(copy_of(model), model, jit=jit)

    chosen, why = choose_jit("auto", compiled_copy=compiled_copy, batches=batches, steps=10**6, seed=None)
    share = medians[WITH_XLA if chosen else WITHOUT_XLA] / max(medians.values())
    return [*figures, Figure(SECTION, 'what jit_compile="auto" takes / the faster', share, "x", note=why)]


def _peak_memory() -> float | None:
    """KiB; None where the system doesn't tell."""
    status = pathlib.Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return float(found[1]) if found else None
