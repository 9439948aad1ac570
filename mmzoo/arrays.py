"""Arrays that are fed to a model as they are, checked against the schema: what `Schema.encode` would never give."""

from __future__ import annotations

import numpy as np

from mmzoo.schema import Audio, Category, History, Modality, Number, Sensors, Sequence, Text


def check_values(modality: Modality, array: np.ndarray, place: str) -> None:
    """Refuses values that can't be: ids outside the vocabulary, infinite or impossible sensor values.

    Args:
        modality: the schema's description of the input.
        array: (..., *modality.shape), of the modality's kind of dtype.
        place: the input's name, for error messages.

    Raises:
        ValueError: such a value; the message names the input, the field, the value and the sample's place.
    """
    if isinstance(modality, (Text, History)):
        most = modality.items if isinstance(modality, History) else modality.vocabulary_size - 1
        _refuse(array, (array < 0) | (array > most), f"{place}: expected ids in 0..{most}")
    elif isinstance(modality, (Sensors, Sequence)):
        for index, field in enumerate(modality.fields):
            column = array[..., index]
            good, wanted = _good(field, column)
            _refuse(column, ~(good | np.isnan(column)), f"{place}: field {field.name!r}: {wanted}")
    elif isinstance(modality, Audio):
        _refuse(array, ~(np.abs(array) <= 1), f"{place}: expected samples in -1..1")
    elif np.issubdtype(array.dtype, np.floating):
        _refuse(array, ~np.isfinite(array), f"{place}: expected finite numbers")
    else:
        most = np.iinfo(modality.dtype).max
        _refuse(array, (array < 0) | (array > most), f"{place}: expected 0..{most}")


def _good(field, column):
    if isinstance(field, Number):
        good = (column >= np.float32(field.minimum)) & (column <= np.float32(field.maximum))
        return good, f"expected {field.minimum:g}..{field.maximum:g} {field.unit}".rstrip() + " (NaN where missing)"
    if isinstance(field, Category):
        good = (column >= 0) & (column < len(field.categories)) & (column == np.floor(column))
        return good, f"expected the number of a category, 0..{len(field.categories) - 1} (NaN where missing)"
    return np.isfinite(column), "expected finite numbers (NaN where missing)"


def _refuse(array, bad, wanted):
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0]) if array.ndim else ()
        raise ValueError(f"{wanted}, got {array[first]} at {list(first)}; {int(bad.sum())} such values")
