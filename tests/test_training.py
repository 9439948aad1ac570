"""mmzoo.fit: objectives, schedule, averaging, precision, XLA, and runs that are killed and go on."""

from __future__ import annotations

import csv
import gc
import importlib.util
import os
import signal
import threading
import time
import weakref

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.branches import sensor_branch, text_branch
from mmzoo.fusion import fuse
from mmzoo.models.parts.seeding import initial_weights_seed
from mmzoo.models.schema_model import keras_inputs, load_model, schema_model
from mmzoo.schema import Category, Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value
from mmzoo.training import acceleration, averaging, objectives, resume
from mmzoo.training.batches import Batches
from mmzoo.training.feed import Feed
from mmzoo.training.optimizer import adamw, warm_up_and_cosine
from mmzoo.training.statistics import statistics_of_the_end

ROAD = Sensors(
    (Number("speed", "km/h", 0.0, 300.0), Number("height", "m", 0.0, 5.0), Category("light", ("day", "night")))
)
SIGN = Label(("stop", "yield", "priority"))


def tiny_model(outputs=None, *, text=False, activation="softmax"):
    inputs = {"road": ROAD, **({"text": Text(4)} if text else {})}
    schema = Schema("tiny", inputs, outputs or {"sign": SIGN})
    with initial_weights_seed(1):
        tensors = keras_inputs(schema)
        features = {"road": sensor_branch(tensors["road"], ROAD, width=8, units=8, name="road")}
        if text:
            features["text"] = text_branch(tensors["text"], width=8, units=4, embedding=4)
        predicted = fuse(features, schema, "concat", dropout=0.1, classifier_activation=activation, seed=1)
        return schema_model(tensors, predicted, schema, name="tiny")


def conv_model():
    """A model with BatchNormalization."""
    schema = Schema("conv", {"image": Image(6, 6)}, {"sign": SIGN})
    with initial_weights_seed(1):
        tensors = keras_inputs(schema)
        x = keras.layers.Rescaling(1 / 255)(tensors["image"])
        x = keras.layers.Conv2D(8, 3)(x)
        x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
        return schema_model(tensors, {"sign": keras.layers.Dense(3, "softmax", name="sign")(x)}, schema, name="conv")


def road_data(count=96, seed=0):
    """Speed tells the sign."""
    random = np.random.default_rng(seed)
    sign = random.integers(0, 3, count)
    road = np.stack([40.0 + 30 * sign, random.uniform(1, 4, count), random.integers(0, 2, count)], axis=1)
    road[:, 0] += random.normal(0, 5, count)
    return {"road": road.astype(np.float32)}, {"sign": sign}


def image_data(count=192):
    random = np.random.default_rng(0)
    sign = random.integers(0, 3, count)
    image = random.integers(0, 60, (count, 6, 6, 3))
    image[np.arange(count), :, :, sign] += 120
    return {"image": image.astype(np.uint8)}, {"sign": sign}


def fit(model, train=None, validation=None, **arguments):
    train = road_data() if train is None else train
    return mmzoo.fit(model, train, validation, **{"batch_size": 32, "verbose": 0, "epochs": 3, **arguments})


def weights_of(model):
    return [np.array(w) for w in model.get_weights()]


def assert_same_weights(a, b):
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


# What a run does -----------------------------------------------------------------------------------------------------


def test_learns_adapts_and_writes(tmp_path):
    model = tiny_model(text=True)
    inputs, targets = road_data(192)
    inputs["text"] = np.zeros((192, 4), np.int32)
    history = fit(
        model, (inputs, targets), (inputs, targets), epochs=12, learning_rate=0.02, out=tmp_path / "run", seed=2
    )
    assert max(history.history["val_accuracy"]) > 0.8
    assert history.epoch == list(range(12))
    mean = model.get_layer("road_encoder").get_weights()[0][0]
    assert mean == pytest.approx(inputs["road"][:, 0].mean(), rel=1e-4)

    with open(tmp_path / "run" / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 13))
    assert [float(row["val_loss"]) for row in rows] == history.history["val_loss"]
    assert all(float(row["seconds"]) > 0 and float(row["samples_per_second"]) > 0 for row in rows)

    best = load_model(tmp_path / "run" / "best.keras")
    assert not best.compiled
    assert_same_weights(best, model)
    # The weights left in the model are those of the epoch that validated best, on all of the validation data.
    again = model.evaluate(inputs, {"sign": np.eye(3)[targets["sign"]]}, verbose=0, return_dict=True)
    assert again["accuracy"] == pytest.approx(max(history.history["val_accuracy"]))


def test_same_seed_same_history():
    histories = [fit(tiny_model(), seed=seed, epochs=2).history for seed in (5, 5, 6)]
    assert histories[0] == histories[1]
    assert histories[0]["loss"] != histories[2]["loss"]


def test_every_sample_once_an_epoch_and_in_the_order_of_the_epoch():
    seen: dict[int, list] = {}
    inputs, targets = road_data(24)
    targets["sign"] = np.arange(24) % 3

    def train(epoch):
        order = np.random.default_rng(epoch).permutation(24)
        for start in range(0, 24, 8):
            rows = order[start : start + 8]
            seen.setdefault(epoch, []).append(rows)
            yield {"road": inputs["road"][rows]}, {"sign": targets["sign"][rows]}

    batches = Batches(train, tiny_model().schema, "train")
    assert batches.steps == 3
    given = [np.concatenate([np.argmax(b[1]["sign"], 1) for b in batches.epoch(epoch)]) for epoch in (0, 1)]
    for epoch in (0, 1):
        np.testing.assert_array_equal(given[epoch], targets["sign"][np.random.default_rng(epoch).permutation(24)])
    seen.clear()
    history = fit(tiny_model(), train, epochs=3, adapt=False)
    assert set(seen) == {0, 1, 2} and len(history.epoch) == 3


def test_tf_data(tmp_path):
    import tensorflow as tf

    inputs, targets = road_data()
    dataset = tf.data.Dataset.from_tensor_slices((inputs, targets)).shuffle(96, seed=1)
    model = tiny_model()
    history = fit(model, dataset.batch(32), dataset.batch(32), epochs=2)
    assert len(history.history["val_loss"]) == 2
    with pytest.raises(ValueError, match="endless"):
        fit(model, dataset.repeat().batch(32))
    assert len(fit(model, dataset.repeat().batch(32), epochs=2, steps_per_epoch=2).epoch) == 2
    with pytest.raises(ValueError, match="input 'road'.*batched"):
        fit(model, dataset)


def streamed(count=96, seed=0, batch=32):
    """`road_data` as a `tf.data.Dataset` of batches."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(road_data(count, seed)).batch(batch)


def as_arrays(dataset):
    return list(dataset.as_numpy_iterator())


def test_tf_data_gives_what_its_arrays_give():
    """Handed on as such, element by element: the same checks, targets and order as over NumPy."""
    import tensorflow as tf

    def epoch_data(epoch):
        # The last batch is smaller, as is the whole second epoch, whose batches come again.
        shuffled = streamed(80 - 32 * (epoch == 1)).shuffle(3, seed=epoch)
        wider = shuffled.map(lambda inputs, targets: (inputs, targets, tf.range(1.0, tf.shape(targets["sign"])[0] + 1)))
        return wider.map(lambda inputs, *rest: ({"road": tf.cast(inputs["road"], tf.float64)}, *rest))

    arguments = {"seed": 4, "epochs": 3, "class_weight": "balanced", "label_smoothing": 0.1}
    streams, lists = tiny_model(), tiny_model()
    history = fit(streams, epoch_data, streamed(seed=1), **arguments)
    expected = fit(lists, lambda epoch: as_arrays(epoch_data(epoch)), as_arrays(streamed(seed=1)), **arguments)
    assert history.history == expected.history
    assert_same_weights(streams, lists)


def test_tf_data_that_goes_wrong_is_named():
    bad = streamed().map(lambda inputs, targets: (inputs, {"sign": targets["sign"] + 7}))
    with pytest.raises(ValueError, match="train: output 'sign': class . is not in"):
        fit(tiny_model(), streamed().concatenate(bad), adapt=False)
    with pytest.raises(ValueError, match="validation: output 'sign': class . is not in"):
        fit(tiny_model(), streamed(), streamed().concatenate(bad))
    with pytest.raises(ValueError, match="train: epoch 2 has no batches"):
        fit(tiny_model(), lambda epoch: streamed().filter(lambda *_: epoch == 0))
    with pytest.raises(ValueError, match="epoch 2: expected a tf.data.Dataset as before, got None"):
        fit(tiny_model(), lambda epoch: None if epoch else streamed())


def test_nothing_of_the_data_is_kept():
    """TensorFlow keeps the Python functions of a data set for ever, with the data and threads that they hold.

    What counts is what each further round costs, once the first has filled all pools. The memory of the process says
    nothing here: the allocator alone makes it swing by more than a data set.
    """

    def threads():
        gc.collect()
        return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()

    counts, data = [], []
    for _ in range(5):
        dataset = streamed().cache().map(lambda *batch: batch, num_parallel_calls=2).prefetch(2)
        given = [as_arrays(dataset)]
        fit(tiny_model(), dataset, dataset, epochs=1)
        fit(tiny_model(), lambda epoch, held=dataset: held, given[0], epochs=1)
        data += [weakref.ref(dataset), weakref.ref(given[0][0][0]["road"])]
        del dataset, given
        counts.append(threads())
    each_round = np.polyfit(np.arange(len(counts) - 1), counts[1:], 1)[0]
    assert each_round < 0.5, counts
    assert not any(reference() is not None for reference in data)


def test_other_backends_are_fed_by_a_thread():
    """What Keras reads there, read here."""
    batches = Batches([road_data(8, seed) for seed in range(5)], tiny_model().schema, "train")
    with Feed(batches) as feed:
        before = threading.active_count()
        for _ in range(2):
            for index, expected in enumerate(batches.peek(5)):
                np.testing.assert_array_equal(feed[index][0]["road"], expected[0]["road"])
        feed[0]
        assert threading.active_count() == before + 1 and len(feed) == 5
    assert threading.active_count() == before

    bad = _with(targets={"sign": np.full(96, 7)})
    with Feed(Batches([road_data(), bad], tiny_model().schema, "train")) as feed:
        feed[0]
        with pytest.raises(ValueError, match="class 7"):
            feed[1]


def test_plain_keras_works():
    model = tiny_model({"sign": SIGN})
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*road_data(), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_other_kinds_of_output():
    model = tiny_model({"sign": SIGN, "plates": MultiLabel(("a", "b")), "distance": Value("m")}, activation=None)
    inputs, targets = road_data()
    targets["plates"] = np.stack([targets["sign"] == 0, targets["sign"] == 2], axis=1)
    targets["distance"] = targets["sign"] * 2.0
    weights = np.linspace(0, 1, 96)
    history = fit(model, (inputs, targets, weights), (inputs, targets), label_smoothing=0.1, class_weight="sqrt")
    for name in ("sign_accuracy", "plates_accuracy", "distance_mae", "val_distance_loss"):
        assert np.isfinite(history.history[name]).all()
    assert objectives.default_monitor(model.schema) == "val_loss"


def test_loss_follows_the_activation():
    logits, probabilities = tiny_model(activation=None), tiny_model()
    probabilities.set_weights(logits.get_weights())
    inputs, targets = road_data()
    one_hot = np.eye(3, dtype=np.float32)[targets["sign"]]
    values = [
        float(objectives.losses_for(model)["sign"](one_hot, model.predict(inputs, verbose=0)["sign"]))
        for model in (logits, probabilities)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_label_smoothing_and_class_weights_in_the_batches():
    inputs, targets = road_data(32)
    targets["sign"] = np.array([0] * 16 + [1] * 12 + [2] * 4)
    schema = tiny_model().schema
    batches = Batches((inputs, targets), schema, "train", label_smoothing=0.3)
    batches.class_weights = objectives.class_weights_for(schema, "balanced", batches.class_counts)
    _, encoded, weights = next(batches.epoch(0))
    np.testing.assert_allclose(encoded["sign"][0], [0.8, 0.1, 0.1], rtol=1e-6)
    sums = [weights["sign"][targets["sign"] == k].sum() for k in range(3)]
    np.testing.assert_allclose(sums, 32 / 3, rtol=1e-5)
    by_name = objectives.class_weights_for(schema, {"sign": {"yield": 5.0, 2: 3.0}}, batches.class_counts)
    assert by_name["sign"].tolist() == [1.0, 5.0, 3.0]


def test_schedule_rises_and_falls_to_zero():
    schedule = warm_up_and_cosine(0.1, steps=100, warmup_steps=10)
    rates = [float(schedule(step)) for step in range(101)]
    assert rates[10] == pytest.approx(0.1) and rates[-1] == pytest.approx(0.0, abs=1e-6)
    assert 0 < rates[0] and rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert float(warm_up_and_cosine(0.1, steps=10, warmup_steps=0)(0)) == pytest.approx(0.1)


def test_weight_decay_leaves_biases_and_embeddings_alone():
    model = tiny_model(text=True)
    optimizer = adamw(model, 0.1, weight_decay=0.02)
    optimizer.build(model.trainable_variables)
    decayed = {v.path for v in model.trainable_variables if optimizer._use_weight_decay(v)}
    assert "road_vector/kernel" in decayed
    assert not any("bias" in path or "embedding" in path for path in decayed)


def test_sensors_set_before_are_left_alone():
    model = tiny_model()
    encoder = model.get_layer("road_encoder")
    encoder.adapt(np.array([[10.0, 1.0, 0.0], [20.0, 2.0, 1.0]]))
    before = weights_of(encoder)
    fit(model, epochs=1)
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# Averaging -----------------------------------------------------------------------------------------------------------


def test_statistics_are_those_of_the_batches():
    model = conv_model()
    inputs, _ = image_data(64)
    averaging.estimate_statistics(model, [{"image": inputs["image"][:40]}, {"image": inputs["image"][40:]}])
    norm = model.get_layer("norm")
    features = keras.Model(model.inputs, norm.input).predict({"image": inputs["image"]}, verbose=0)
    np.testing.assert_allclose(norm.moving_mean, features.mean(axis=(0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, features.var(axis=(0, 1, 2)), rtol=0.1)
    assert norm.momentum == 0.99


def test_a_short_training_leaves_statistics_of_what_it_saw():
    model, (inputs, targets) = conv_model(), image_data()
    norm = model.get_layer("norm")
    norm.momentum = 0.99
    mmzoo.fit(model, (inputs, targets), epochs=5, batch_size=16, learning_rate=1e-3, jit_compile=False, verbose=0)
    assert norm.momentum == 0.99, "the layer is the user's again"
    seen = keras.Model(model.inputs, norm.input)(keras.ops.convert_to_tensor(inputs["image"]))
    variance = np.asarray(keras.ops.var(seen, axis=(0, 1, 2)))
    # 60 steps at 0.99 would leave 0.55 of the 1 that it began at.
    np.testing.assert_allclose(np.asarray(norm.moving_variance), variance, rtol=0.5)


def test_statistics_of_long_trainings_are_as_they_were():
    model = conv_model()
    with statistics_of_the_end(model, 1_000):
        assert model.get_layer("norm").momentum == 0.99
    with statistics_of_the_end(model, 100):
        assert model.get_layer("norm").momentum == pytest.approx(0.9)


def test_ema_is_validated_and_left_in_the_model(tmp_path):
    train = image_data()
    seen = {}

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen["raw"] = weights_of(self.model)

        def on_test_begin(self, logs=None):
            seen["before"] = weights_of(self.model)

    averaged, plain = conv_model(), conv_model()
    arguments = {"seed": 3, "epochs": 6, "learning_rate": 0.02}
    history = fit(averaged, train, train, ema=0.9, callbacks=[Look()], out=tmp_path, monitor="val_loss", **arguments)
    other = fit(plain, train, train, monitor="val_loss", **arguments)
    # Averaging changes what is validated, never what is trained.
    assert history.history["loss"] == other.history["loss"]
    assert history.history["val_loss"] != other.history["val_loss"]
    again = averaged.evaluate(train[0], {"sign": np.eye(3)[train[1]["sign"]]}, verbose=0, return_dict=True)
    assert again["loss"] == pytest.approx(min(history.history["val_loss"]), rel=1e-4)
    # With the moving statistics of the raw weights an average as slow as this would be useless.
    slow = conv_model()
    fit(slow, train, ema=0.99, **arguments)
    assert slow.evaluate(train[0], {"sign": np.eye(3)[train[1]["sign"]]}, verbose=0, return_dict=True)["accuracy"] > 0.6


# Precision and XLA ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_only_while_training(policy):
    inside = set()

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            inside.update((layer.name, layer.compute_dtype) for layer in self.model.layers)

    model = tiny_model()
    history = fit(model, mixed_precision=policy, callbacks=[Look()], epochs=4, learning_rate=0.02)
    computed = policy.removeprefix("mixed_")
    assert {("road_dense", computed), ("road_encoder", "float32"), ("sign", "float32")} <= inside
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    assert model.predict(road_data()[0], verbose=0)["sign"].dtype == np.float32


class _Sleeper:
    def __init__(self, seconds):
        self.seconds, self.steps = seconds, 0

    def train_on_batch(self, *batch):
        self.steps += 1
        time.sleep(self.seconds)


@pytest.mark.parametrize("with_xla, chosen", [(0.01, True), (0.2, False)])
def test_xla_is_chosen_by_the_clock(with_xla, chosen, monkeypatch):
    if keras.backend.backend() != "tensorflow" or acceleration.accelerator()[0] != "cpu":
        monkeypatch.setattr(acceleration, "accelerator", lambda: ("cpu", (0, 0)))
        monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    models = {True: _Sleeper(with_xla), False: _Sleeper(0.05)}
    batches = Batches(road_data(), tiny_model().schema, "train")
    jit, why = acceleration.choose_jit("auto", compiled_copy=models.get, batches=batches, steps=10_000, seed=None)
    assert jit is chosen and "measured" in why and "ms a step" in why
    # A slow candidate is given up early.
    assert (models[True].steps < models[False].steps) == (not chosen)


def test_xla_measurement_leaves_the_model_alone(monkeypatch, capsys):
    monkeypatch.setattr(acceleration, "MIN_STEPS", 1)
    monkeypatch.setattr(acceleration, "MIN_SECONDS", 0.0)
    model = tiny_model()
    before = weights_of(model)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(weights_of(self.model))

    fit(model, epochs=1, adapt=False, callbacks=[Look()], verbose=2)
    for old, new in zip(before, seen[0], strict=True):
        np.testing.assert_array_equal(old, new)
    assert "XLA" in capsys.readouterr().out


# Killed runs ---------------------------------------------------------------------------------------------------------

RUN = {"epochs": 4, "seed": 7, "ema": 0.9, "learning_rate": 0.01}


def killed_run(out: str, where: str) -> None:
    """Runs in a process of its own and kills it in the third epoch, before the state is written or half-way in it."""

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch != 2:
                return
            if where == "between":
                os.kill(os.getpid(), signal.SIGKILL)
            savez = np.savez

            def half(file, **arrays):
                savez(file, **arrays)
                file.flush()
                os.truncate(file.name, os.path.getsize(file.name) // 2)
                os.kill(os.getpid(), signal.SIGKILL)

            resume.np.savez = half

    fit(tiny_model(), validation=road_data(seed=1), out=out, callbacks=[Kill()], **RUN)


@pytest.fixture(scope="module")
def killed(another, tmp_path_factory):
    """Folders of two killed runs, and the folder and model of the same run not killed."""
    root = tmp_path_factory.mktemp("killed")
    processes = {where: another() for where in ("between", "writing")}
    for where, process in processes.items():
        process.begin("import sys, test_training; test_training.killed_run(*sys.argv[1:])", root / where, where)
    whole = tiny_model()
    history = fit(whole, validation=road_data(seed=1), out=root / "whole", **RUN)
    for process in processes.values():
        process.be_killed()
    return root, whole, history


@pytest.mark.parametrize("where", ["between", "writing"])
def test_killed_run_goes_on_to_the_last_digit(where, killed, capsys):
    root, whole, expected = killed
    out = root / where
    assert bool(list(out.glob(".part-*"))) == (where == "writing")
    capsys.readouterr()

    model = tiny_model()
    history = fit(model, validation=road_data(seed=1), out=out, verbose=2, **RUN)
    printed = capsys.readouterr().out
    assert "resuming after epoch 2 of 4" in printed and "Epoch 3/4" in printed and "Epoch 2/4" not in printed
    assert history.history == expected.history and history.epoch == [0, 1, 2, 3]
    assert_same_weights(model, whole)
    assert_same_weights(load_model(out / "best.keras"), load_model(root / "whole" / "best.keras"))
    assert not list(out.glob(".part-*"))

    finished = tiny_model()
    again = fit(finished, validation=road_data(seed=1), out=out, verbose=2, **RUN)
    printed = capsys.readouterr().out
    assert "finished" in printed and "Epoch" not in printed.replace("epoch", "")
    assert again.history == expected.history
    assert_same_weights(finished, whole)


def test_other_settings_damage_and_a_new_start(tmp_path):
    model = tiny_model()
    fit(model, epochs=1, seed=1, out=tmp_path)
    with pytest.raises(ValueError, match=r"epochs: 1 there, 2 now; seed: 1 there, 2 now"):
        fit(model, epochs=2, seed=2, out=tmp_path)
    assert len(fit(model, epochs=2, seed=2, out=tmp_path, resume=False).epoch) == 2
    state = tmp_path / resume.STATE_FILE
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(ValueError, match="state.npz.*resume=False"):
        fit(model, epochs=2, seed=2, out=tmp_path)


def _changed(data, part, name, row=5):
    changed = [dict(some) for some in data]
    changed[part][name] = changed[part][name].copy()
    changed[part][name][row] = changed[part][name][row - 1]
    return tuple(changed)


FIT = {"epochs": 1, "seed": 1, "monitor": "loss"}


@pytest.mark.parametrize("stop", [True, False], ids=["killed", "finished"])
def test_other_data_in_the_same_folder_is_an_error(stop, tmp_path):
    inputs, targets = road_data()
    targets["sign"][4:6] = 0, 1
    train, validation = (inputs, targets), road_data(seed=1)
    interrupt = keras.callbacks.LambdaCallback(on_train_end=lambda logs: 1 / 0)
    try:
        fit(tiny_model(), train, validation, out=tmp_path, callbacks=[interrupt] * stop, **FIT)
    except ZeroDivisionError:
        assert stop
    for others, what in (
        ((_changed(train, 0, "road"), validation), r"train: input 'road': float32 \(96, 3\) \w+ there, float32 .* now"),
        ((_changed(train, 1, "sign"), validation), "train: output 'sign'"),
        (((*train, np.ones(96)), validation), "train: weights: none there"),
        ((train, _changed(validation, 0, "road")), "validation: input 'road'"),
        ((train, road_data(128, seed=1)), "validation: number of batches: 3 there, 4 now"),
    ):
        with pytest.raises(ValueError, match=f"other data.*{what}.*resume=False"):
            fit(tiny_model(), *others, out=tmp_path, **FIT)
    with pytest.raises(ValueError, match="validation: data there, no data now"):
        fit(tiny_model(), train, out=tmp_path, **FIT)
    assert fit(tiny_model(), train, validation, out=tmp_path, **FIT).epoch == [0]
    assert fit(tiny_model(), _changed(train, 1, "sign"), validation, out=tmp_path, resume=False, **FIT).epoch == [0]


@pytest.mark.parametrize("function", [False, True], ids=["tf.data", "function"])
def test_another_stream_in_the_same_folder_is_an_error(function, tmp_path):
    def train(seed):
        return (lambda epoch: streamed(seed=seed)) if function else streamed(seed=seed)

    fit(tiny_model(), train(0), out=tmp_path, **FIT)
    assert fit(tiny_model(), train(0), out=tmp_path, **FIT).epoch == [0]
    with pytest.raises(ValueError, match=r"other data \(train: input 'road'.*; train: output 'sign'"):
        fit(tiny_model(), train(2), out=tmp_path, **FIT)


def test_data_in_another_order_each_time_can_be_resumed_and_that_is_said(tmp_path, capsys):
    dataset = streamed().unbatch().shuffle(96).batch(32)
    fit(tiny_model(), dataset, streamed(seed=1), out=tmp_path, **FIT)
    fit(tiny_model(), dataset, streamed(seed=1), out=tmp_path, verbose=2, **FIT)
    assert "train: input 'road', output 'sign': different at each reading" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"other data \(validation: input 'road'"):
        fit(tiny_model(), dataset, streamed(seed=2), out=tmp_path, **FIT)


def test_a_run_on_tf_data_goes_on_to_the_last_digit(tmp_path):
    def train(epoch):
        return streamed().unbatch().shuffle(96, seed=epoch).batch(32)

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    whole, resumed = tiny_model(), tiny_model()
    expected = fit(whole, train, streamed(seed=1), **RUN)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_model(), train, streamed(seed=1), out=tmp_path, callbacks=[Stop()], **RUN)
    assert fit(resumed, train, streamed(seed=1), out=tmp_path, **RUN).history == expected.history
    assert_same_weights(resumed, whole)


def test_early_stopping_by_the_user(tmp_path):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=100.0, patience=0)
    arguments = {"epochs": 9, "out": tmp_path, "ema": 0.9, "seed": 1, "callbacks": [stop]}
    first = tiny_model()
    history = fit(first, **arguments)
    assert len(history.epoch) == 2
    second = tiny_model()
    assert fit(second, **arguments).history == history.history
    assert_same_weights(first, second)


def hopeless(count=96):
    """Validation data whose signs are wrong, so that a training only makes it worse."""
    inputs, targets = road_data(count, seed=1)
    return inputs, {"sign": (targets["sign"] + 1) % 3}


PATIENT = {"epochs": 9, "patience": 3, "monitor": "val_loss", "seed": 7, "learning_rate": 0.01, "ema": 0.5}


def test_patience_stops_and_leaves_the_best_weights(tmp_path):
    model = tiny_model()
    history = fit(model, validation=hopeless(), out=tmp_path, **PATIENT)
    losses = history.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + PATIENT["patience"] < PATIENT["epochs"]
    again = model.evaluate(hopeless()[0], {"sign": np.eye(3)[hopeless()[1]["sign"]]}, verbose=0, return_dict=True)
    assert again["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert_same_weights(load_model(tmp_path / "best.keras"), model)

    class Killed(keras.callbacks.Callback):
        """Ends the run before the state of an epoch is written, or after that of the last one."""

        def __init__(self, epoch):
            super().__init__()
            self.epoch = epoch

        def on_epoch_end(self, epoch, logs=None):
            if epoch == self.epoch:
                raise KeyboardInterrupt

        def on_train_end(self, logs=None):
            raise KeyboardInterrupt

    for epoch in (best + 2, None):
        out = tmp_path / f"killed_{epoch}"
        with pytest.raises(KeyboardInterrupt):
            fit(tiny_model(), validation=hopeless(), out=out, callbacks=[Killed(epoch)], **PATIENT)
        resumed = tiny_model()
        assert fit(resumed, validation=hopeless(), out=out, **PATIENT).history == history.history
        assert_same_weights(resumed, model)

    with pytest.raises(ValueError, match="patience: 3 there, 4 now"):
        fit(tiny_model(), validation=hopeless(), out=tmp_path, **{**PATIENT, "patience": 4})


def test_patience_counts_from_the_best_and_not_from_the_last():
    def over(*figures, monitor="val_loss", patience=2):
        return objectives.is_over([{monitor: figure} for figure in figures], monitor, patience)

    assert not over(3.0, 2.0) and not over(2.0, 3.0) and over(2.0, 3.0, 2.5)
    assert not over(2.0, 3.0, 1.0, 1.5) and over(2.0, 3.0, 1.0, 1.5, 1.0)
    assert over(0.5, 0.4, 0.3, monitor="val_accuracy") and not over(0.3, 0.4, 0.5, monitor="val_accuracy")
    assert over(1.0, 2.0, 3.0, monitor="val_price_mae") and not over(1.0, 2.0, 3.0, monitor="val_sign_auroc")
    assert over(2.0, float("nan"), float("inf"))
    assert not over(1.0, 2.0, 3.0, patience=None) and not over(patience=1)


# Errors --------------------------------------------------------------------------------------------------------------


def test_loss_that_is_not_finite_names_the_epoch(tmp_path):
    calls = []

    def loss(true, predicted):
        return keras.losses.categorical_crossentropy(true, predicted) * factor

    factor = keras.Variable(1.0)

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            calls.append(epoch)
            if epoch == 1:
                factor.assign(float("nan"))

    with pytest.raises(
        FloatingPointError, match=r"loss is nan in epoch 2 of 3.*lower the learning rate.*after epoch 1"
    ):
        fit(tiny_model(), loss=loss, callbacks=[Break()], out=tmp_path)
    assert calls == [0, 1]


def _with(**changes):
    inputs, targets = road_data()
    return {**inputs, **changes.pop("inputs", {})}, {**targets, **changes.pop("targets", {})}


@pytest.mark.parametrize(
    "train, message",
    [
        (_with(targets={"sign": np.full(96, 3)}), r"train: output 'sign': class 3 is not in 0\.\.2"),
        (_with(targets={"sign": np.zeros((96, 4))}), r"output 'sign'.*one-hot rows \(N, 3\).*\(96, 4\)|\(32, 4\)"),
        (_with(inputs={"road": np.zeros((96, 2))}), r"input 'road'.*\(N, 3\).*\(32, 2\)"),
        (({"rode": np.zeros((96, 3))}, {"sign": np.zeros(96)}), r"input 'road' is not in the batch.*rode"),
        ((road_data()[0], {"sing": np.zeros(96)}), r"output 'sign' is not in the batch.*sing"),
        (_with(inputs={"rode": np.zeros((96, 3))}), r"'rode' in the batch is no input of the model.*\['road'\]"),
        (_with(targets={"sing": np.zeros(96)}), r"'sing' in the batch is no output of the model.*\['sign'\]"),
        ((*_with(), {"sing": np.ones(96)}), "'sing' in the batch is no output with weights"),
        ((*_with(), np.full(96, np.nan)), "weights of output 'sign': expected finite numbers"),
        (_with(targets={"sign": np.zeros(90)}), r"train: output 'sign' holds 90 samples, input 'road' 96"),
        ((*_with(), np.ones(90)), r"train: weights holds 90 samples, input 'road' 96"),
        ([({"road": np.ones((8, 3))}, {"sign": np.zeros(7)})], r"train: output 'sign' holds 7 samples, input 'road' 8"),
        (_with(inputs={"road": np.full((96, 3), "fast")}), r"input 'road': expected float32, got <U4"),
        (_with(inputs={"road": np.full((96, 3), True)}), r"input 'road': expected float32, got bool"),
        (_with(inputs={"road": np.full((96, 3), [1, np.inf, 0])}), r"input 'road': field 'height': .*got inf at \[0\]"),
        (_with(inputs={"road": np.full((96, 3), [999, 1, 0])}), r"field 'speed': expected 0\.\.\d+.*got 999"),
        (_with(inputs={"road": np.full((96, 3), [1, 1, 0.5])}), r"expected the number of a category.*got 0.5"),
        (_with(targets={"sign": np.full(96, "stop")}), r"output 'sign': expected class numbers.*<U4"),
        (_with(targets={"sign": np.full((96, 3), np.nan)}), "output 'sign': one-hot rows: expected finite numbers"),
        ([], "train: no batches"),
        (iter([_with()]), "generator"),
    ],
)
def test_bad_data_is_named(train, message):
    with pytest.raises(ValueError, match=message):
        fit(tiny_model(), train)


def test_bad_data_later_in_the_epoch_is_named():
    good, bad = road_data(), _with(targets={"sign": np.full(96, 7)})
    with pytest.raises(ValueError, match="class 7 is not in"):
        fit(tiny_model(), [good, good, good, bad], adapt=False)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"epochs": 0}, "epochs"),
        ({"ema": 1.0}, "ema"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"class_weight": "fair"}, "class_weight.*fair"),
        ({"class_weight": {"sign": {"halt": 2.0}}}, "'sign' has no class 'halt'"),
        ({"jit_compile": "yes"}, "jit_compile.*yes"),
        ({"mixed_precision": "half"}, "mixed_precision.*half"),
        ({"tensorboard": True}, "tensorboard.*out"),
        ({"monitor": "val_loss"}, "monitor.*validation"),
        ({"patience": 2}, "patience: needs validation data"),
        ({"patience": 0}, "patience: expected None or a whole number >= 1, got 0"),
        ({"patience": 1.5}, "patience: expected None or a whole number"),
        ({"monitor": "acuracy"}, "monitor.*acuracy.*accuracy"),
        ({"loss": {"sing": "mse"}}, "loss.*sing.*sign"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(tiny_model(), **arguments)


def test_model_without_schema_is_named():
    with pytest.raises(ValueError, match="schema"):
        mmzoo.fit(keras.Sequential([keras.layers.Dense(1)]), road_data())


def test_tensorboard_on_request(tmp_path):
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(ImportError, match="pip install tensorboard"):
            fit(tiny_model(), out=tmp_path, tensorboard=True)
    else:
        fit(tiny_model(), out=tmp_path, tensorboard=True, epochs=1)
        assert list((tmp_path / "tensorboard").rglob("events*"))


# Another backend -----------------------------------------------------------------------------------------------------


def jax_run(out: str) -> None:
    """In another process: a run on the JAX backend, stopped after two epochs and gone on with."""
    assert keras.backend.backend() == "jax"

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    train = image_data()
    arguments = {"seed": 3, "epochs": 4, "ema": 0.9, "learning_rate": 0.02, "out": out}
    try:
        fit(conv_model(), train, train, callbacks=[Stop()], **arguments)
    except KeyboardInterrupt:
        model = conv_model()
    history = fit(model, train, train, **arguments)
    assert history.epoch == [0, 1, 2, 3]
    again = model.evaluate(train[0], {"sign": np.eye(3)[train[1]["sign"]]}, verbose=0, return_dict=True)
    assert abs(again["accuracy"] - max(history.history["val_accuracy"])) < 1e-6


def test_jax_backend(elsewhere, tmp_path):
    elsewhere["jax"].begin("import sys, test_training; test_training.jax_run(sys.argv[1])", tmp_path / "run").finish()
