"""How good a model is: metrics, the confusion matrix, and what each missing input costs."""

from mmzoo.evaluation.evaluate import Evaluation, evaluate, markdown_table
from mmzoo.evaluation.metrics import output_metrics
from mmzoo.evaluation.missing_inputs import hide_inputs, missing_input_table

__all__ = ["Evaluation", "evaluate", "hide_inputs", "markdown_table", "missing_input_table", "output_metrics"]
