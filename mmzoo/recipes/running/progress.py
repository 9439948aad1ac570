"""A progress bar over all trainings of a run."""

from __future__ import annotations


class ArmProgress:
    """A bar over the epochs of all arms, or nothing.

    Args:
        arms: number of trainings.
        shown: whether there is a bar.
    """

    def __init__(self, arms: int, shown: bool):
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(TextColumn("{task.description:40}"), BarColumn(), TimeRemainingColumn(), disable=not shown)
        self._task = self._bar.add_task("training", total=float(arms))
        self._arms, self._epochs = 0, 1

    def __enter__(self) -> ArmProgress:
        self._bar.start()
        return self

    def __exit__(self, *error) -> None:
        self._bar.stop()

    def begin(self, name: str, epochs: int) -> None:
        """A training begins."""
        self._epochs = epochs
        self._bar.update(self._task, description=name, completed=float(self._arms))

    def done(self) -> None:
        """It is over."""
        self._arms += 1
        self._bar.update(self._task, completed=float(self._arms))

    def callback(self):
        """A Keras callback that moves the bar."""
        import keras

        def tell(epoch, logs):
            self._bar.update(self._task, completed=self._arms + min(1.0, (epoch + 1) / self._epochs))

        return keras.callbacks.LambdaCallback(on_epoch_end=tell)
