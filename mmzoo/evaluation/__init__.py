"""How good a model is: metrics, what each missing input costs, and a report to read."""

from mmzoo.evaluation.disagreement import disagreement
from mmzoo.evaluation.evaluate import Evaluation, evaluate, markdown_table
from mmzoo.evaluation.metrics import measure_output, measure_outputs
from mmzoo.evaluation.missing_inputs import hide_inputs, missing_input_table
from mmzoo.evaluation.report import write_report

__all__ = [
    "Evaluation",
    "disagreement",
    "evaluate",
    "hide_inputs",
    "markdown_table",
    "measure_output",
    "measure_outputs",
    "missing_input_table",
    "write_report",
]
