"""A look at a table of own data before anything is trained on it: what each column holds, and what is wrong.

inspection = inspect_table("signs.csv", target="sign")
print_inspection(inspection)
write_inspection(inspection, "inspected")     # inspect.html, and schema.json to correct
"""

from mmzoo.inspection.inspection import Column, Finding, Inspection
from mmzoo.inspection.inspector import infer_schema, inspect_table
from mmzoo.inspection.showing.printing import print_inspection
from mmzoo.inspection.showing.writing import write_inspection

__all__ = [
    "Column",
    "Finding",
    "Inspection",
    "infer_schema",
    "inspect_table",
    "print_inspection",
    "write_inspection",
]
