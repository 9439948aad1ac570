"""inspect.html, one self-contained page, and schema.json."""

from __future__ import annotations

import base64
import collections
import io
import os
import pathlib
from typing import Any

from mmzoo.encoding import pictures
from mmzoo.files import replace_text
from mmzoo.inspection.inspection import LEVELS, Column, Inspection, percent
from mmzoo.schema import Image

_SIDE = 112
_TEXT = 150


def write_inspection(inspection: Inspection, out: str | os.PathLike) -> list[pathlib.Path]:
    """Writes inspect.html (opens from disk, no network, no scripts) and, where there is one, schema.json.

    Args:
        inspection: from `inspect_table`.
        out: folder; made if need be. Files of those names are replaced.

    Returns:
        The files.
    """
    import jinja2

    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mmzoo.inspection.showing", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    roles = collections.Counter(column.role for column in inspection.columns)
    page = {
        "source": pathlib.PurePath(inspection.source).name,
        "rows": inspection.rows,
        "figures": [
            ("rows", f"{inspection.rows:,}"),
            ("inputs", f"{roles['input']} columns" if roles["input"] != 1 else "1 column"),
            ("left out", f"{roles['left out'] + roles['split']}"),
            ("errors", f"{len(inspection.of_level('error'))}"),
            ("warnings", f"{len(inspection.of_level('warning'))}"),
        ],
        "levels": [(level, inspection.of_level(level)) for level in LEVELS if inspection.of_level(level)],
        "columns": [_card(column) for column in sorted(inspection.columns, key=_place)],
        "schema": inspection.schema,
    }
    files = [out / "inspect.html"]
    text = environment.get_template("inspect.html.jinja").render(page)
    replace_text(files[0], text, errors="replace")
    if inspection.schema is not None:
        files.append(out / "schema.json")
        inspection.schema.save(files[1])
    return files


def _place(column: Column) -> int:
    return ("target", "input", "split", "left out").index(column.role)


def _card(column: Column) -> dict[str, Any]:
    most = max((count for _, count in column.bars), default=0)
    is_histogram = column.kind in ("number", "angle", "value", "date", "text", "audio")
    width = 100 / max(1, len(column.bars))
    bars = [
        {"name": name, "count": count, "share": count / most if most else 0.0, "x": width * index, "width": width}
        for index, (name, count) in enumerate(column.bars)
    ]
    pictures = [picture for picture in map(_data_uri, column.pictures) if picture]
    is_text = column.kind not in (
        "number",
        "angle",
        "value",
        "category",
        "label",
        "image",
        "constant",
        "empty",
        "split",
    )
    return {
        "column": column,
        "missing": percent(column.missing),
        "statistics": list(column.statistics.items()),
        "bars": bars,
        "histogram": is_histogram,
        "ends": _ends(column.bars),
        "pictures": pictures,
        "examples": [e if len(e) <= _TEXT else e[:_TEXT] + " …" for e in column.examples] if is_text else [],
    }


def _ends(bars):
    """What stands below a histogram, left and right."""
    if not bars:
        return "", ""
    last = bars[-1][0]
    return bars[0][0].split(" to ")[0], last.partition(", up to")[0] if " and more" in last else last.split(" to ")[-1]


def _data_uri(path: str) -> str | None:
    """A picture, small, as a data URI; None if it is gone by now."""
    from PIL import Image as Pillow

    try:
        with pictures.open_image(path, "") as picture:
            picture.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            side = max(1.0, max(picture.size) / _SIDE)
            width, height = (max(1, round(length / side)) for length in picture.size)
            pixels = pictures.to_pixels(Image(height, width), picture, "")
    except (ValueError, OSError):
        return None
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
