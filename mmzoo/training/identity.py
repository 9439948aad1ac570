"""What data a run rests on, told by fingerprints, so that a resumed run can't take over what other data gave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

# Of a larger input only as many rows are looked at, evenly spaced; hashing as much takes a tenth of a second.
MAX_BYTES = 2**26


class DataIdentity:
    """Fingerprints of the training and validation data.

    Of arrays: the targets, the weights and (of large inputs a sample of) the rows. Of anything else: the number of
    batches and the first of them, which is read in any case, for errors in it to come before a compilation.

    Args:
        parts: `Batches` of the training data, and of the validation data if there is any.
        say: prints a line.

    Attributes:
        fingerprints: "train" or "validation" -> {what: its dtype, shape and hash}, JSON-able.
    """

    def __init__(self, parts: Sequence, say: Callable):
        self._parts, self._say = {batches.what: batches for batches in parts}, say
        self.fingerprints = {what: _fingerprint(batches) for what, batches in self._parts.items()}

    def differences(self, theirs: Mapping) -> list[str]:
        """What is not as it was. A first batch that is another each time it is read can't be compared; that is said.

        Args:
            theirs: the `fingerprints` of a run before.
        """
        found = []
        for what in dict.fromkeys([*theirs, *self.fingerprints]):
            there, here = theirs.get(what), self.fingerprints.get(what)
            if there is None or here is None:
                found.append(f"{what}: {'no ' * (there is None)}data there, {'no ' * (here is None)}data now")
            elif there != here:
                found += self._changes(what, there, here)
        return found

    def _changes(self, what, there, here):
        again = _fingerprint(self._parts[what])
        names = [name for name in dict.fromkeys([*there, *here]) if there.get(name) != here.get(name)]
        told = [name for name in names if here.get(name) == again.get(name)]
        untold = [name for name in names if name not in told]
        if untold:
            self._say(f"{what}: {', '.join(untold)}: different at each reading; can't tell if it is the data of before")
        return [f"{what}: {name}: {there.get(name, 'none')} there, {here.get(name, 'none')} now" for name in told]


def _fingerprint(batches) -> dict[str, str]:
    first = tuple(batches.schema.from_tensors(part) for part in next(batches.peek(1)))
    found = {"number of batches": str(batches.steps)}
    for kind, part in zip(("input", "output", "weights"), batches.arrays or first, strict=False):
        for name, array in (part if isinstance(part, Mapping) else {"": part}).items():
            if array is not None:
                limit = MAX_BYTES if kind == "input" else None
                found[f"{kind} {name!r}".removesuffix(" ''")] = _told(np.asarray(array), limit)
    return found


def _told(array, limit):
    rows = array
    if limit is not None and array.nbytes > limit:
        rows = array[np.unique(np.linspace(0, len(array) - 1, max(2, len(array) * limit // array.nbytes)).astype(int))]
    digest = hashlib.blake2b(np.ascontiguousarray(rows).tobytes(), digest_size=8).hexdigest()
    return f"{array.dtype} {array.shape} {digest}"
