"""Tasks: what one kind of output means for training, measuring, proving and reporting. One file a kind.

A kind from outside the package joins with `register_task(Kind, KindTask())`.
"""

from mmzoo.schema import Label, MultiLabel, Pair, Picture, Ranking, Sentence, Span, Transcript, Value
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import LabelTask
from mmzoo.tasks.multi_label import MultiLabelTask
from mmzoo.tasks.pair import PairTask
from mmzoo.tasks.picture import PictureTask
from mmzoo.tasks.ranking import RankingTask
from mmzoo.tasks.registry import figure_of, register_task, task_for
from mmzoo.tasks.sentence import SentenceTask
from mmzoo.tasks.span import SpanTask
from mmzoo.tasks.task import Task
from mmzoo.tasks.transcript import TranscriptTask
from mmzoo.tasks.value import ValueTask

__all__ = ["Figure", "Task", "figure_of", "register_task", "task_for"]

register_task(Label, LabelTask())
register_task(MultiLabel, MultiLabelTask())
register_task(Pair, PairTask())
register_task(Sentence, SentenceTask())
register_task(Picture, PictureTask())
register_task(Span, SpanTask())
register_task(Ranking, RankingTask())
register_task(Transcript, TranscriptTask())
register_task(Value, ValueTask())
