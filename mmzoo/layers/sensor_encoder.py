"""From sensor values in their own units to features a dense layer can work with, NaN-aware."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from mmzoo import schema as schema_lib
from mmzoo.schema.json_tree import from_tree, to_tree

# Beyond this many standard deviations a value says no more than "extreme".
CLIP = 5.0
# Of a date, in days: the year, the week, the day.
PERIODS = (365.2425, 7.0, 1.0)


@keras.saving.register_keras_serializable(package="mmzoo")
class SensorEncoder(keras.layers.Layer):
    """Turns a row of fields, or the rows of a series, into features, field by field, always in float32.

    Number and Date: the normalised value, 0 where missing; a Date also sine and cosine of its place in the year, the
    week and the day. Angle: sine and cosine, 0 where missing. Category: one-hot, all 0 where missing, outside the
    list or between two numbers. Each field adds a flag that is 1 where it is missing. Mean and standard
    deviation are weights: until `adapt` they follow from the schema's ranges, as if values were spread evenly between.

    Args:
        fields: the schema's fields, as `Number`, `Angle`, `Category` or `Date` objects or their config dicts.

    Input: float32 (..., len(fields)). Output: float32 (..., features).
    """

    # Raw units in one tensor would share one 8-bit scale.
    keeps_float = True
    adapts_to = "inputs"

    def __init__(self, fields, **kwargs):
        # A latitude under float16 loses half its meaning, whatever the global policy.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.fields = tuple(_field(field) for field in fields)
        kinds = [_KINDS.answer(field, f"field {field.name!r}") for field in self.fields]
        self._columns = {
            kind: [i for i, of in enumerate(kinds) if of == kind] for kind in ("number", "angle", "category", "date")
        }
        self._counts = np.array([len(self.fields[i].categories) for i in self._columns["category"]], int)
        self._lowest, self._highest = np.full((2, len(self.fields)), [[-np.inf], [np.inf]], np.float32)
        self._lowest[self._columns["category"]] = 0.0
        self._highest[self._columns["category"]] = self._counts - 1.0
        self._order = _order(self._columns, self._counts, len(self.fields))

    def build(self, input_shape):
        if input_shape[-1] != len(self.fields):
            raise ValueError(
                f"expected {len(self.fields)} fields in the last dimension, got shape {tuple(input_shape)}"
            )
        low, high = np.array([field.extremes for field in self.fields], np.float32).T
        spread = np.maximum((high - low) / math.sqrt(12.0), 1e-6)
        self.mean = self._statistic("mean", (low + high) / 2)
        self.deviation = self._statistic("deviation", spread)

    def _statistic(self, name, values):
        return self.add_weight(
            name=name,
            shape=values.shape,
            trainable=False,
            initializer=lambda shape, dtype: ops.convert_to_tensor(values, dtype),
        )

    def adapt(self, rows):
        """Sets mean and deviation of the number fields from data.

        Args:
            rows: float array (N, ..., len(fields)); NaN is left out. A field that is missing in all rows, or constant,
                keeps the deviation it has.
        """
        rows = np.asarray(rows, np.float64)
        if rows.ndim < 2 or rows.shape[-1] != len(self.fields):
            raise ValueError(f"expected rows of {len(self.fields)} fields, got an array of shape {rows.shape}")
        rows = rows.reshape(-1, len(self.fields))
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        for column, field in enumerate(self.fields):
            values = rows[:, column][np.isfinite(rows[:, column])]
            if field.is_measured and values.size:
                mean[column] = values.mean()
                # Less than float32 can tell apart is no deviation, whatever the unit.
                if values.std() > 1e-7 * np.abs(values).max():
                    deviation[column] = values.std()
        self.mean.assign(mean)
        self.deviation.assign(deviation)

    def call(self, inputs):
        # All fields of a kind at once: one by one they would be a hundred tiny operators, and time on the device.
        # NaN is neither. By functions, since a tensor of PyTorch can't be compared with an array of NumPy.
        given = ops.logical_and(ops.greater_equal(inputs, self._lowest), ops.less_equal(inputs, self._highest))
        flags = ops.cast(given, "float32")
        last = len(inputs.shape) - 1

        def columns(array, kind):
            return ops.take(array, self._columns[kind], axis=last)

        def values(kind, instead):
            return ops.where(columns(given, kind), columns(inputs, kind), instead)

        features = []
        for kind in ("number", "date"):
            if self._columns[kind]:
                mean, deviation = (ops.take(x, self._columns[kind], axis=0) for x in (self.mean, self.deviation))
                features.append(ops.clip((values(kind, mean) - mean) / deviation, -CLIP, CLIP))
        for period in PERIODS if self._columns["date"] else ():
            days = _within(values("date", 0.0), period)
            # Counted from another origin, a place in the year is as far from its beginning as the origin is.
            first = np.array([self.fields[i].origin % period for i in self._columns["date"]], np.float32)
            radians = (days + first if first.any() else days) * (2 * math.pi / period)
            features += [ops.sin(radians) * columns(flags, "date"), ops.cos(radians) * columns(flags, "date")]
        if self._columns["angle"]:
            radians = values("angle", 0.0) * (math.pi / 180.0)
            features += [ops.sin(radians), ops.cos(radians) * columns(flags, "angle")]
        if self._columns["category"]:
            # Compared with every category there is; NaN equals none. LiteRT's own ONE_HOT goes wrong silently in int8.
            numbers = np.concatenate([np.arange(count, dtype=np.float32) for count in self._counts])
            repeated = ops.take(inputs, np.repeat(self._columns["category"], self._counts), axis=last)
            features.append(ops.cast(ops.equal(repeated, numbers), "float32"))
        return ops.take(ops.concatenate([*features, 1.0 - flags], axis=last), self._order, axis=last)

    def features_of_fields(self) -> list[int]:
        """How many features of the output each field has, in order."""
        extra = {
            "number": lambda f: 1,
            "category": lambda f: len(f.categories),
            "angle": lambda f: 2,
            "date": lambda f: 1 + 2 * len(PERIODS),
        }
        return [1 + extra[_KINDS.answer(field)](field) for field in self.fields]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], sum(self.features_of_fields()))

    def get_config(self):
        return {**super().get_config(), "fields": [to_tree(field) for field in self.fields]}


# How each kind of field is encoded; one from outside the package derives from one of these.
_KINDS = schema_lib.KindTable("encoding")
for _kind, _encoding in (
    (schema_lib.Number, "number"),
    (schema_lib.Angle, "angle"),
    (schema_lib.Category, "category"),
    (schema_lib.Date, "date"),
):
    _KINDS.register(_kind, _encoding)


def _field(field):
    return field if isinstance(field, schema_lib.Field) else from_tree(field, "fields")


def _within(days, period):
    """Days since the last whole period, to float32's last digits, where days / period would lose them."""
    count = ops.floor(days / period)
    # The product with quarters of a day is exact, and that with the rest small.
    quarters = round(4 * period) / 4
    return (days - count * quarters) - count * (period - quarters)


def _order(columns, counts, fields):
    """Where each feature of the output, field by field, stands among the features by kind."""
    numbers, dates, angles, categories = (columns[kind] for kind in ("number", "date", "angle", "category"))
    places = {column: [place] for place, column in enumerate(numbers)}
    end = len(numbers)
    for i, column in enumerate(dates):
        places[column] = [end + i + part * len(dates) for part in range(1 + 2 * len(PERIODS))]
    end += len(dates) * (1 + 2 * len(PERIODS))
    places |= {column: [end + i, end + len(angles) + i] for i, column in enumerate(angles)}
    end += 2 * len(angles)
    for column, count in zip(categories, counts, strict=True):
        places[column] = list(range(end, end + count))
        end += count
    return [place for column in range(fields) for place in (*places[column], end + column)]
