"""What happens at the end of every epoch: the best weights, the history, the state to resume from."""

from __future__ import annotations

import math
import time

import keras

from mmzoo.training.objectives import is_better, is_over
from mmzoo.training.optimizer import current_learning_rate

# Reading the loss waits for the device, so not at every step.
CHECK_EVERY = 50


class EpochEnd(keras.callbacks.Callback):
    """Keeps the best weights and the run's state; put it behind all callbacks that want to see averaged weights.

    Args:
        state: `RunState`, brought up to date after each epoch.
        plan: `Plan` of the run.
        core: the model whose weights are kept: that which is trained, or the part of it that stays.
        averaging: `Averaging`, or None.
        folder: `RunFolder`, or None.
        twin: an uncompiled copy of the model for saving the best; needed with a folder.

    Raises:
        FloatingPointError: the loss is no longer finite.
        ValueError: the plan's `monitor` is not among the figures.
    """

    def __init__(self, state, plan, *, core, averaging, folder, twin):
        super().__init__()
        self.state, self.plan = state, plan
        self._core, self._averaging, self._folder, self._twin = core, averaging, folder, twin
        self._feed, self._epoch = None, 0

    def watch(self, feed) -> None:
        """Tells the `Feed` of the training data, which learns from here which epoch begins."""
        self._feed = feed

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._feed.begin(epoch)
        self._began = time.perf_counter()
        self._trained = None

    def on_train_batch_end(self, batch, logs=None):
        if batch % CHECK_EVERY == 0:
            self._check_finite(logs, f", step {batch + 1} of {len(self._feed)}")

    def on_test_begin(self, logs=None):
        self._trained = time.perf_counter()
        if self._averaging and not self._averaging.active:
            self._averaging.swap_in(self._epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._feed.check_targets()
        self._check_finite(logs, "")
        now = time.perf_counter()
        logs["learning_rate"] = current_learning_rate(self.model.optimizer)
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["seconds"] = round(now - self._began, 3)
        training = max((self._trained or now) - self._began, 1e-9)
        row["samples_per_second"] = round(self._feed.samples / training, 1)
        self.state.rows.append(row)
        if self.plan.monitor:
            self._keep_if_best(logs)
        if self._averaging and self._averaging.active:
            self._averaging.swap_out()
        if self._folder:
            self._folder.save(self.state, self._core, self.model, self.model.optimizer)
        if is_over(self.state.rows, self.plan.monitor, self.plan.patience):
            self.model.stop_training = True

    def _keep_if_best(self, logs):
        if self.plan.monitor not in logs:
            raise ValueError(f"monitor: no figure {self.plan.monitor!r}; there are {sorted(logs)}")
        if not is_better(self.plan.monitor, float(logs[self.plan.monitor]), self.state.best):
            return
        if self._averaging and not self._averaging.active:
            self._averaging.swap_in(self._epoch)
        self.state.best = float(logs[self.plan.monitor])
        self.state.best_weights = self._core.get_weights()
        if self._folder:
            self._twin.set_weights(self.state.best_weights)
            self._folder.save_best(self._twin)

    def _check_finite(self, logs, where):
        loss = float(logs["loss"])
        if math.isfinite(loss):
            return
        there = ""
        if self._folder and self.state.rows:
            there = f" {self._folder.path} still holds the state after epoch {len(self.state.rows)}."
        raise FloatingPointError(
            f"the loss is {loss} in epoch {self._epoch + 1} of {self.plan.epochs}{where}: lower the learning rate (now "
            f"{current_learning_rate(self.model.optimizer):.3g}) or warm up longer, and look for extreme values among "
            f"the inputs and targets.{there}"
        )
