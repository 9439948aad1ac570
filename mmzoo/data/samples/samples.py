"""What a data set is: one function that gives the samples of a split, and what has to be known to call it.

    @data_set(
        about="photos of cats and dogs, longest side 128",
        layout="metadata.csv (path, label_name) and the photos",
        licence="Kaggle competition data: not for redistribution",
        weights_may_ship=False,
    )
    def load_cats_dogs(data_dir, split, *, schema, fold, seed, limit) -> Samples: ...

The model's schema says how large pictures are and how texts are read, so the function encodes by it. It returns the
rows of "train", "validation" or "all" (a data set may know more), always in the same order for the same arguments.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.data.fingerprints import fingerprint_of
from mmzoo.schema import Schema

TRAIN, VALIDATION, ALL = "train", "validation", "all"


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a split, in memory.

    Attributes:
        inputs: input -> array (N, *shape), encoded by the schema they were loaded for.
        targets: output -> array (N, ...); the output's `missing_target` where a row has none.
        note: what is real and what is simulated, the first line of every card and table.
        ids: what each sample is, such as its file; tells one row from another.
        groups: (N,) rows that are equal in it belong together (a track, a recording); None: each stands for itself.
        raw: input -> N raw values, for what needs them as such (a sceptic's baseline, an answer cut out of its text).
        views: input or output -> array (N, V, ...): the forms in which training sees an input or a target, one of them
            drawn for each sample and epoch, such as the captions of a picture. `inputs` hold the first, `targets` what
            is measured by.
    """

    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    note: str
    ids: Sequence[str]
    groups: np.ndarray | None = None
    raw: Mapping[str, Sequence] = dataclasses.field(default_factory=dict)
    views: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        columns = {"ids": self.ids, **self.inputs, **self.targets, **self.raw}
        if self.groups is not None:
            columns["groups"] = self.groups
        lengths = {name: len(column) for name, column in columns.items()}
        lengths |= {f"views of {name}": len(views) for name, views in self.views.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"samples: columns of different length: {lengths}")

    def __len__(self) -> int:
        return len(self.ids)

    def arrays(self, names: Sequence[str] | None = None) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """(inputs, targets), as `mmzoo.fit` takes them.

        Args:
            names: of some inputs, for a model of these alone; None: all.
        """
        return {name: self.inputs[name] for name in self.inputs if names is None or name in names}, dict(self.targets)

    def take(self, rows: np.ndarray) -> Samples:
        """Some of the samples, by number or mask."""
        places = np.arange(len(self))[rows]
        return dataclasses.replace(
            self,
            inputs={name: array[places] for name, array in self.inputs.items()},
            targets={name: array[places] for name, array in self.targets.items()},
            ids=[self.ids[i] for i in places],
            groups=None if self.groups is None else np.asarray(self.groups)[places],
            raw={name: [values[i] for i in places] for name, values in self.raw.items()},
            views={name: views[places] for name, views in self.views.items()},
        )

    def shuffled(self, name: str, seed: int) -> Samples:
        """The same with one input dealt out anew among the samples: a control that keeps all of it but its meaning.

        Args:
            name: of the input.
            seed: of the order.

        Raises:
            ValueError: there is no such input.
        """
        if name not in self.inputs:
            raise ValueError(f"shuffle: no input {name!r}; the inputs are {list(self.inputs)}")
        order = np.random.default_rng((seed, 4_711)).permutation(len(self))
        raw = dict(self.raw)
        if name in raw:
            raw[name] = [raw[name][i] for i in order]
        views = {key: views[order] if key == name else views for key, views in self.views.items()}
        return dataclasses.replace(self, inputs={**self.inputs, name: self.inputs[name][order]}, raw=raw, views=views)

    def drawn(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """For each input or target that has views, one of them for each sample: name -> array (N, ...)."""
        return {
            name: views[np.arange(len(self)), rng.integers(0, views.shape[1], len(self))]
            for name, views in self.views.items()
        }

    def fingerprint(self) -> str:
        """Which rows these are, what their inputs and what their targets are, in 16 hexadecimal digits."""
        views = {f"views of {name}": views for name, views in self.views.items()}
        return fingerprint_of("\n".join(map(str, self.ids)), {**self.inputs, **views}, self.targets)


@dataclasses.dataclass(frozen=True)
class Option:
    """A setting that a data set or a recipe has of its own: a keyword in Python, `--name` on the command line.

    Attributes:
        type: str, int, float, bool or pathlib.Path.
        default: where it isn't given; None: nothing.
        help: what it does, in a few words.
        choices: what it may be; () for anything of the type.
    """

    type: type = str
    default: Any = None
    help: str = ""
    choices: tuple = ()

    def check(self, name: str, value: Any) -> Any:
        """The value, as the option takes it.

        Raises:
            ValueError: another type, or none of the choices; the message lists them.
        """
        if value is None:
            return self.default
        if self.type is pathlib.Path and isinstance(value, str | os.PathLike):
            return pathlib.Path(value)
        fits = isinstance(value, int | float) if self.type is float else isinstance(value, self.type)
        if not fits or (self.type is not bool and isinstance(value, bool)):
            raise ValueError(f"{name}: expected {self.type.__name__}, got {value!r}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{name}: expected one of {list(self.choices)}, got {value!r}")
        return value


def checked_options(options: Mapping[str, Option], given: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """All options with their values; those that aren't given have their default.

    Args:
        options: name -> what it may be.
        given: name -> value.
        whose: the data set's or recipe's name, for the message.

    Raises:
        ValueError: a name that is no option, or a value that is none; the message lists those there are.
    """
    unknown = sorted(set(given) - set(options))
    if unknown:
        raise ValueError(f"{whose} has no option {unknown[0]!r}; its options are {sorted(options)}")
    return {name: option.check(name, given.get(name)) for name, option in options.items()}


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set: called, it gives a split.

    Attributes:
        function: `function(data_dir, split, *, schema, fold, seed, limit, **options) -> Samples`.
        about: what it is, in a few words.
        layout: what its folder holds; "" for one that is made on the spot.
        licence: what may be done with it.
        weights_may_ship: whether weights trained on it may be given away; else figures only.
        weights_licence: under which licence, where they may; data to be shared alike may ask for its own.
        folds: number of its splits into training and validation rows; None: there is one, fixed.
        group: what one group of rows is, which a fold holds out as a whole ("physical sign"); "" where each row is one.
        splits: those that it knows.
        split_notes: split -> what the tables call it, where its name doesn't say enough.
        needs_folder: whether there must be a folder.
        options: what it needs or takes beside its folder.
    """

    function: Callable[..., Samples]
    about: str
    layout: str
    licence: str
    weights_may_ship: bool
    weights_licence: str = "Apache-2.0"
    folds: int | None = None
    group: str = ""
    splits: tuple[str, ...] = (TRAIN, VALIDATION, ALL)
    split_notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs_folder: bool = True
    options: Mapping[str, Option] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The function's."""
        return self.function.__name__

    def __call__(
        self,
        data_dir: str | os.PathLike | None,
        split: str,
        *,
        schema: Schema,
        fold: int | None = None,
        seed: int = 0,
        limit: int | None = None,
        **options: Any,
    ) -> Samples:
        """Loads a split.

        Args:
            data_dir: the folder.
            split: one of `splits`; "all" is every row, for weights to be shipped or measured on other data.
            schema: of the model that the samples are for.
            fold: which split into training and validation rows; None: the first.
            seed: of what is simulated or drawn.
            limit: at most so many samples, spread over the classes as the data set sees fit.
            **options: its own.

        Raises:
            ValueError: an unknown split, fold or option; the message lists those there are.
            FileNotFoundError: no such folder, or a file of it is missing.
        """
        if split not in self.splits:
            raise ValueError(f"split: expected one of {list(self.splits)}, got {split!r}")
        if fold is not None and self.folds is None:
            raise ValueError(f"fold: the data has one split of its own, got {fold!r}")
        if self.folds is not None and fold not in (None, *range(self.folds)):
            raise ValueError(f"fold: expected 0..{self.folds - 1}, got {fold!r}")
        if limit is not None and limit < 1:
            raise ValueError(f"limit: expected at least 1, got {limit!r}")
        folder = self.folder(data_dir)
        if self.folds is not None and fold is None:
            fold = 0
        return self.function(
            folder,
            split,
            schema=schema,
            fold=fold,
            seed=seed,
            limit=limit,
            **checked_options(self.options, options, self.about),
        )

    def folder(self, data_dir: str | os.PathLike | None) -> pathlib.Path | None:
        """The folder of the data.

        Raises:
            ValueError: none is given, and there must be one.
            FileNotFoundError: no such folder.
        """
        if data_dir is None and self.needs_folder:
            raise ValueError(f"data_dir: give the folder of the data; it holds {self.layout}")
        if data_dir is not None and not pathlib.Path(data_dir).is_dir():
            raise FileNotFoundError(f"{data_dir}: no such folder; expected {self.layout or 'a folder'}")
        return None if data_dir is None else pathlib.Path(data_dir)


def data_set(**about: Any) -> Callable[[Callable[..., Samples]], DataSet]:
    """Makes a `DataSet` of a function; the keywords are those of the class."""

    def decorate(function: Callable[..., Samples]) -> DataSet:
        return DataSet(function, **about)

    return decorate
