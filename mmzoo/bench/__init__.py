"""How fast a model is on this machine, in one run: prediction, training, input pipeline, start on the edge, memory."""

from mmzoo.bench.figures import Figure, read_csv, rich_table, write_csv, write_markdown
from mmzoo.bench.run import run

__all__ = ["Figure", "read_csv", "rich_table", "run", "write_csv", "write_markdown"]
