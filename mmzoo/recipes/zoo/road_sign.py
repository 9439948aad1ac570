"""How road-sign models are trained: hyper-parameters of each size, and what each ingredient brought.

The commands that made the pretrained weights, and what came of them, stand in each bundle's CARD.md and in
saved_models/results.csv:

    mmzoo train road_sign --size nano --data gtsrb --data-dir DIR --all-tracks --out RUN
    mmzoo train road_sign --size small --data gtsrb --data-dir DIR --all-tracks --out RUN
    mmzoo train road_sign --size small --data rendered --epochs 20 --out RUN

What each step brought `small`: image alone, in per cent on the tracks that a fold holds out, the last epoch of one
seed, each line with all that stands above it. A dash was not run. From the third line on, choices were made on folds 1
and 2.

    | recipe                                                                        | fold 0 | fold 1 | fold 2 |
    |-------------------------------------------------------------------------------|--------|--------|--------|
    | the picture standardized as a whole, mild augmentation, batches of 128        |  98.24 |    -   |    -   |
    | standardized by its middle; fading, several covered places; 20 epochs, EMA,   |        |        |        |
    | sqrt class weights, batches of 64                                             |  98.69 |  99.33 |  98.90 |
    | 8,600 drawn signs in each epoch                                               |    -   |  99.33 |  98.97 |
    | a residual block at full resolution                                           |    -   |  99.63 |  99.08 |
    | one large cover on 8 % of the pictures, curved sixes on drawn signs, label    |        |        |        |
    | smoothing 0.02 instead of 0.05, 30 epochs                                     |  99.09 |    -   |    -   |
    | the block at full resolution one dense convolution instead of two separable   |  99.10 |    -   |    -   |
    | red bleached on a tenth of the pictures                                       |  99.39 |    -   |    -   |

The fifth line is for a failing camera: on covered pictures, all inputs given, the second line's 35 % became 56 % (fold
0). The sixth is for speed in 8 bits, see `mmzoo.branches.parts.residual.dense_block`. The last was chosen by the
errors on fold 0, so the figure flatters it: of the 72 errors of the model named at the end, 23 are one physical sign, a
prohibition of lorries whose red rim has faded to white; now one of 51 is. Of a sign under stickers 22 are left of 29;
on all other signs there are 28 errors instead of 20, so bleaching helps the faded sign and not the rest. On fold 3, by
which nothing was ever chosen, the recipe as it stands has 99.66. Of the errors on fold 2 with the block in its old
form, 51 of 75 are two physical signs of its 261: a snowy one, and a dark 60 taken for an 80.

`nano` is trained with all lines but the sixth: in 24 epochs it has 99.06 on fold 0 (98.90 without the last, but then
2 to 3 points more on blurred and on occluded pictures) and 99.41 on fold 3. `base` is trained with all but the last: in
20 epochs it has 99.57 on fold 0, where nothing was chosen by that figure. Its weights do not come with mmzoo: a larger
size has to be the better one, and trained on all tracks it had 99.48 on the official test, as measured from outside,
where `small` has 99.62.

Not kept, a `base` as teacher that never saw fold 0: `small` begun from the drawn signs' weights with the sixth line's
recipe (`--weights rendered --teacher BASE --epochs 14`) has 99.14 there, three pictures more than without, in half the
epochs; with the last line's (`--teacher BASE`) it has 99.29 instead of 99.39.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

from mmzoo.data.corruption import CAMERA_FAILURES
from mmzoo.data.samples.samples import Option
from mmzoo.data.sets.road_signs import RoadSigns, gtsrb_signs, rendered_signs
from mmzoo.recipes.recipe import EpochContext, Recipe, Training
from mmzoo.recipes.running.arms import ALL

OUTPUT = "sign"
CONTEXT = ("text", "location", "road_condition")
# A fresh draw of contexts and drawn signs costs seconds: a few are made and taken in turn.
DRAWS = 4
# Seeds of the drawn signs that are mixed in, away from those of the "rendered" data.
DRAWN_SEED = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoadSignTraining(Training):
    """Hyper-parameters; those that are not of every recipe:

    Attributes:
        modality_dropout: the camera is the input that is nearly always there, so training sees many samples without
            context and few without an image.
        drawn: drawn signs added to each epoch: new physical signs, of which GTSRB has only 1,307.
        teaching: how much of the targets is the teacher's, where there is one.
    """

    label_smoothing: float = 0.02
    class_weight: str | None = "sqrt"
    ema: float | None = 0.999
    modality_dropout: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"image": 0.10, "text": 0.5, "location": 0.5, "road_condition": 0.5}
    )
    dropout: float = 0.1
    drawn: int = 8_600
    teaching: float = 0.7
    augmentation: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"cover": 0.08})


TRAINING = {
    "nano": RoadSignTraining(epochs=24, dropout=0.0, augmentation={"cover": 0.08, "bleach": 0.1}),
    "small": RoadSignTraining(epochs=30, augmentation={"cover": 0.08, "bleach": 0.1}),
    "base": RoadSignTraining(epochs=20),
}


def adjust(training: RoadSignTraining, data: str) -> RoadSignTraining:
    """Bleaching is for real signs: the paint of drawn ones was aged in drawing."""
    if data == "gtsrb":
        return training
    kept = {name: value for name, value in training.augmentation.items() if name != "bleach"}
    return dataclasses.replace(training, augmentation=kept)


def epoch_data(context: EpochContext):
    """Each epoch has a fresh draw of contexts, and drawn signs mixed in; a teacher has its say in the targets."""
    import mmzoo
    from mmzoo.data.pipeline import from_arrays
    from mmzoo.recipes.running.sources import augmentation_of
    from mmzoo.training.distillation import taught

    training, seed, teacher = context.training, context.seed, context.options["teacher"]
    samples = context.samples
    signs = RoadSigns(samples.inputs["image"], samples.targets[OUTPUT], "train", samples.note)
    learnt_from = None if teacher is None else mmzoo.load_model(teacher)
    augmentation = augmentation_of(training)

    @functools.cache
    def drawn(draw: int):
        mixed = signs.with_drawn(training.drawn, DRAWN_SEED + DRAWS * seed + draw)
        return mixed.inputs(context.schema, epoch=draw), mixed.targets

    def batches(epoch: int):
        inputs, targets = drawn(epoch % DRAWS)
        found = from_arrays(
            inputs,
            targets,
            batch_size=training.batch_size,
            shuffle=True,
            drop_remainder=len(samples) > training.batch_size,
            seed=10_007 * seed + epoch,
            augmentation=augmentation,
        )
        return found if learnt_from is None else taught(found, learnt_from, training.teaching)

    return batches


def image_only(schema, inputs, targets):
    """Training is watched on the camera alone, which is what the weights are for."""
    from mmzoo.evaluation import hide_inputs

    return hide_inputs(inputs, schema, [name for name in schema.inputs if name != "image"]), targets


def card_sections(record) -> list[str]:
    """What the context gives away."""
    from mmzoo.recipes.context_only import context_only_accuracy

    found = context_only_accuracy()
    return [
        "Whole tracks are held out where they are real (`--fold K`; one physical sign gives some thirty pictures, so a "
        "fold's figure depends on few signs). The official GTSRB test was used for no choice.",
        "The context is simulated (see `mmzoo/data/sets/road_context.py`): its probabilities are judgements, not "
        "measurements. It must not give the sign away: the bound is 60 % for any model on the context alone. The "
        "better of two classifiers trained on nothing but the context (`python -m mmzoo.recipes.context_only`) reaches "
        f"{100 * max(found['forest'], found['logistic']):.1f} %. The camera's row is the one to compare with other "
        "work.",
    ]


def bare(model, size):
    """For `mmzoo bench`."""
    from mmzoo.bench.bare_road_sign import bare_model

    return bare_model(model, size)


RECIPE = Recipe(
    name="road_sign",
    data={"gtsrb": gtsrb_signs, "rendered": rendered_signs},
    training=TRAINING,
    about="Names one of 43 German road signs from a camera crop, the text on or under the sign, the car's place and "
    "the road condition; any of them may be missing.",
    limits="German signs, cropped so that the sign fills most of the picture. It always names one of its 43 classes, "
    "also for a picture without a sign. Not a safety component: the figures above say how often it errs.",
    options={
        "teacher": Option(
            str, help="A larger model to learn from: a .keras file, a bundle, or the name of one of `mmzoo list`."
        )
    },
    adjust=adjust,
    epoch_data=epoch_data,
    watch=image_only,
    failures=CAMERA_FAILURES,
    card_sections=card_sections,
    bare=bare,
    shown_figures=("accuracy",),
    shown={"image given": "image given", f"{'+'.join(CONTEXT)} given": "context given", ALL: ALL},
)
