"""mmzoo.training.optimizer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.training.optimizer import AdamW, adamw, warm_up_and_cosine

ROWS, STEPS = 16, 30


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    words = generator.integers(0, 50, (ROWS, 6)).astype("int32")
    return words, keras.utils.to_categorical(words[:, 0] % 3, 3)


def build():
    """An embedding, of whose rows a batch reaches few, and kernels and biases."""
    words = keras.Input((6,), dtype="int32", name="words")
    embedded = keras.layers.Embedding(50, 4, name="embedding")(words)
    state = keras.layers.GRU(4, name="gru")(embedded)
    outputs = keras.layers.Dense(3, activation="softmax", dtype="float32", name="head")(state)
    return keras.Model(words, outputs)


def keras_adamw(model, schedule, *, weight_decay, ema=None):
    """Keras' own optimizer, set as `adamw` sets mmzoo's."""
    average = {} if ema is None else {"use_ema": True, "ema_momentum": ema}
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, **average)
    ours = adamw(model, schedule, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_list=[v for v in model.variables if not ours._use_weight_decay(v)])
    return optimizer


def trained(make, data, *, jit=False, scaled=False):
    keras.utils.set_random_seed(1)
    model = build()
    inner = make(model, warm_up_and_cosine(0.05, steps=STEPS, warmup_steps=5), weight_decay=0.1, ema=0.9)
    optimizer = keras.optimizers.LossScaleOptimizer(inner) if scaled else inner
    model.compile(optimizer, loss="categorical_crossentropy", jit_compile=jit)
    first = model.train_on_batch(*data)
    for _ in range(STEPS - 2):
        last = model.train_on_batch(*data)
    assert last < first
    averages = [v for v in inner.variables if "average" in v.path]
    assert len(averages) == len(model.trainable_variables)
    return {v.path: np.array(v) for v in [*model.variables, *averages]}


@pytest.mark.parametrize("how", [{}, {"jit": True}, {"scaled": True}])
def test_steps_are_those_of_keras(data, how):
    expected = trained(keras_adamw, data, **how)
    actual = trained(adamw, data, **how)
    assert len(actual) == len(expected)
    for (path, old), new in zip(expected.items(), actual.values(), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-3, atol=1e-4, err_msg=path)


def test_a_slow_variable_learns_and_decays_slowly():
    slow, fast = (keras.Variable(np.full((2, 2), 3.0, np.float32), name=name) for name in ("slow", "fast"))
    optimizer = AdamW(0.5, weight_decay=0.1)
    optimizer.slow_down([slow], 0.1)
    optimizer.build([slow, fast])
    optimizer.apply([keras.ops.ones((2, 2))] * 2, [slow, fast])
    # Adam's first step is the rate itself.
    np.testing.assert_allclose(fast, 3.0 * (1 - 0.5 * 0.1) - 0.5, rtol=1e-5)
    np.testing.assert_allclose(slow, 3.0 * (1 - 0.05 * 0.1) - 0.05, rtol=1e-5)


def test_amsgrad_is_left_to_keras():
    steps = []
    for kind in (AdamW, keras.optimizers.AdamW):
        variable = keras.Variable(np.ones((3,), np.float32))
        optimizer = kind(0.1, weight_decay=0.1, amsgrad=True)
        for size in (3.0, 1.0, 0.1):
            optimizer.apply([size * keras.ops.ones((3,))], [variable])
        steps.append(np.array(variable))
    np.testing.assert_allclose(*steps, rtol=1e-6)


def test_a_step_takes_few_operators():
    counts = []
    for make in (adamw, keras_adamw):
        model = build()
        optimizer = make(model, warm_up_and_cosine(0.05, steps=9, warmup_steps=3), weight_decay=0.1)
        optimizer.build(model.trainable_variables)

        @tf.function
        def step(grads, optimizer=optimizer, model=model):
            optimizer.apply(grads, model.trainable_variables)

        graph = step.get_concrete_function([tf.ones(v.shape) for v in model.trainable_variables]).graph
        counts.append(len(graph.get_operations()))
    assert counts[0] < 0.4 * counts[1]


def test_it_comes_back_from_a_file(data, tmp_path):
    model = build()
    model.compile(adamw(model, 0.1, weight_decay=0.02), loss="categorical_crossentropy")
    model.train_on_batch(*data)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is AdamW and int(again.optimizer.iterations) == 1
    for old, new in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(new, old)
