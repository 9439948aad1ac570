"""Tasks: what one kind of output means for training, measuring, proving and reporting. One file a kind.

A kind from outside the package joins with `register_task(Kind, KindTask())`.
"""

from mmzoo.tasks.task import Figure, Task, register_task, task_for

__all__ = ["Figure", "Task", "register_task", "task_for"]
