"""The bundle of a run: never a lost export because 8 bits lose too much, never a lost report because of the export."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

_LONGEST_REASON = 400


class ExportError(RuntimeError):
    """A trained and measured model could not be exported; the message says why, in one line."""


@contextlib.contextmanager
def export_failing_in_a_line(out: str | os.PathLike) -> Iterator[None]:
    """Around an export that comes last in a run, once all else is written.

    Args:
        out: the run's folder.

    Raises:
        ExportError: whatever went wrong inside.
    """
    try:
        yield
    except Exception as error:
        # str() of a KeyError is a repr, and the converter's messages are pages long.
        said = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
        reason = said[:_LONGEST_REASON] + " ..." * (len(said) > _LONGEST_REASON)
        raise ExportError(
            f"the export failed, the report and the figures are in {os.fspath(out)}: {type(error).__name__}: {reason}"
        ) from error


def exported(model, path: pathlib.Path, samples: Sequence, *, say: Callable[[str], None] = print, **options):
    """The bundle. Where 8 bits lose too much, the sensitive layers stay in float32, and if that does not help there is
    no static int8 file; both are said, and the latter stands in parity.json and CARD.md.

    Args:
        model: the trained model.
        path: folder to write; a bundle that is there is replaced if `overwrite` is among the options.
        samples: (inputs, targets) of real samples, for calibration and parity.
        say: prints a line of progress.
        **options: of `mmzoo.export`.

    Returns:
        The `Bundle`.
    """
    import mmzoo
    from mmzoo.exporting import ParityError
    from mmzoo.exporting.sensitive import sensitive_layers

    say(f"Exporting to {path} and checking every file against the Keras model ...")
    keep = sensitive_layers(model)
    for int8 in ({}, {"int8_float_layers": keep}):
        try:
            return mmzoo.export(model, path, samples=samples, **options, **int8)
        except ParityError as error:
            if "model_int8.tflite" not in str(error):
                raise
            reason = str(error)
            say(f"{reason}; exporting again with {', '.join(keep)} in float32, or else without that file ...")
    return mmzoo.export(model, path, samples=samples, no_int8=f"it loses too much: {reason}", **options)
