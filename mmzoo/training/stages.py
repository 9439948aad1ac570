"""Training in stages: each branch alone, then what joins them, then all together."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

import keras

from mmzoo.fusion import fuse
from mmzoo.fusion.ends import branch_ends, branch_layers, copy_branches
from mmzoo.layers import TaskUncertainty
from mmzoo.layers.graph import output_layer
from mmzoo.models.parts.seeding import initial_weights_seed
from mmzoo.models.schema_model import schema_model
from mmzoo.tasks.task import gives_logits
from mmzoo.training.fitting import fit
from mmzoo.training.plan import copy_of
from mmzoo.training.selected import with_inputs

FUSION, TOGETHER = "fusion", "together"


def fit_stagewise(
    model,
    train,
    validation=None,
    *,
    epochs: int | Mapping[str, int] = 10,
    fusion_epochs: int | None = None,
    together_epochs: int | None = None,
    learning_rate: float = 3e-3,
    slower: float = 0.1,
    out: str | pathlib.Path | None = None,
    data_for: Callable[[tuple[str, ...]], tuple] | None = None,
    auxiliary: float | None = None,
    alignment: float | None = None,
    **fitting,
) -> dict[str, keras.callbacks.History]:
    """Trains a model in stages: each branch alone with a head of its own, then fusion and heads on the branches held
    still, then all of it at a lower rate.

    So each branch has learnt what it can before another one answers for it (Wang, Tran & Feiszli, "What makes training
    multi-modal classification networks hard?", CVPR 2020, find the joined training of several inputs worse than the
    best of them alone). Each stage is a `fit` of its own, with its own warm-up, schedule and best epoch.

    Args:
        model: a model whose outputs `mmzoo.fusion.fuse` made, as those of all builders.
        train, validation: see `mmzoo.fit`.
        epochs: of each branch alone, the same for all or by input. An input that is learnt by heart soon (few texts)
            wants few: on rows that its branch knows by heart it seems to tell everything, and the fusion believes it.
        fusion_epochs: with the branches held still; None: a quarter of `epochs`, of the largest.
        together_epochs: of the whole model; None: the same.
        learning_rate: of the first two stages.
        slower: the rate of the last stage over that of the first two.
        out: folder with a run of `mmzoo.fit` for each stage: branch_<input>, fusion, together. A run that was killed
            goes on in the stage it was in; stages that are finished are taken as they are.
        data_for: function (names of inputs) -> (train, validation) for a branch alone; None: those given, without the
            other inputs.
        auxiliary, alignment: of the last stage; see `mmzoo.fit`.
        fitting: further keywords of `mmzoo.fit`, for every stage.

    Returns:
        Stage ("branch <input>", "fusion", "together") -> its history. The model holds the weights of the last stage.

    Raises:
        ValueError: see `mmzoo.fit`; or the model's outputs were not made by `fuse`, `slower` is out of range, or
            `epochs` names other inputs than the model's.
    """
    if not 0 < slower <= 1:
        raise ValueError(f"slower: expected 0 < slower <= 1, got {slower!r}")
    names = list(branch_ends(model))
    of_branch = dict(epochs) if isinstance(epochs, Mapping) else dict.fromkeys(names, epochs)
    if set(of_branch) != set(names):
        raise ValueError(f"epochs: expected those of {names}, got {of_branch}")
    quarter = max(1, round(max(of_branch.values()) / 4))
    common = {"learning_rate": learning_rate, **fitting}

    def stage(learner, name, data, **changes):
        folder = None if out is None else pathlib.Path(out) / name.replace(" ", "_")
        if fitting.get("verbose", "auto"):
            print(f"stage: {name}")
        return fit(learner, *data, out=folder, **{**common, **changes})

    histories = {}
    for name in names:
        alone = (with_inputs(train, [name]), with_inputs(validation, [name]))
        arm = arm_of(model, name, seed=fitting.get("seed"))
        title = f"branch {model.schema.tensor_names[name]}"
        data = alone if data_for is None else data_for((name,))
        histories[f"branch {name}"] = stage(arm, title, data, epochs=of_branch[name])
        copy_branches(arm, model, [name])
    held = copy_of(model)
    for layers in branch_layers(held).values():
        for layer in layers:
            layer.trainable = False
    histories[FUSION] = stage(held, FUSION, (train, validation), epochs=fusion_epochs or quarter)
    model.set_weights(held.get_weights())
    histories[TOGETHER] = stage(
        model, TOGETHER, (train, validation),
        epochs=together_epochs or quarter, learning_rate=slower * learning_rate, auxiliary=auxiliary,
        alignment=alignment,
    )  # fmt: skip
    return histories


def arm_of(model, name: str, *, seed: int | None = None):
    """A model of one input, with that input's branch as it is in a model, and fresh heads for the same outputs.

    Args:
        model: a model whose outputs `fuse` made.
        name: the input.
        seed: of the heads, so that a run that goes on in a later stage begins it as an uninterrupted one does.

    Returns:
        A `SchemaModel` with layers of its own, which has nothing of the other inputs.

    Raises:
        ValueError: no such branch, or the outputs were not made by `fuse`.
    """
    copy = copy_of(model)
    ends, schema = branch_ends(copy), copy.schema
    if name not in ends:
        raise ValueError(f"no branch for input {name!r}; there are {list(ends)}")
    predicted = schema.predicted
    # States go from step to step of the joined model, and are none of an arm's.
    schema = dataclasses.replace(
        schema,
        inputs={name: schema.inputs[name]},
        outputs=predicted,
        tensor_names={one: schema.tensor_names[one] for one in (name, *predicted)},
    )
    logits = all(gives_logits(copy, output) for output in predicted)
    with initial_weights_seed(seed):
        outputs = fuse(
            {name: ends[name]._replace(tokens=None)},
            schema,
            "sum",
            classifier_activation=None if logits else "softmax",
            task_weights=any(output_layer(copy, output, TaskUncertainty) is not None for output in predicted),
            modality_dropout=0.0,
            seed=seed,
        )
    tensor = copy.input[schema.tensor_names[name]]
    return schema_model({name: tensor}, outputs, schema, name=copy.name)
