"""Names of inputs and outputs that come from a table's columns."""

from __future__ import annotations

import re


def identifier(column: str) -> str:
    """The name of the input or output that a table's column feeds: letters, digits and _ of the column's own name.

    >>> identifier("Product name (EN)")
    'Product_name_EN'
    """
    name = re.sub(r"\W+", "_", str(column)).strip("_") or "column"
    return f"_{name}" if name[0].isdigit() else name
