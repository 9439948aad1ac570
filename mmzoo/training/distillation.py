"""Targets that a trained model gives: a small model learns from a larger one.

Teacher and student see the same changed picture, as in Beyer et al., "Knowledge distillation: a good teacher is patient
and consistent" (CVPR 2022); Hinton et al. (2015) for the idea.
"""

from __future__ import annotations

import tensorflow as tf

from mmzoo.tasks import task_for


def taught(dataset: tf.data.Dataset, teacher, share: float = 0.7) -> tf.data.Dataset:
    """Mixes what the teacher says into the targets of every output that can be taught so, such as a `Label`.

    Args:
        dataset: batches ({input: tensor}, {output: tensor}), with class numbers (N,) for a `Label`, and pictures
            changed already.
        teacher: a model with the same inputs and outputs, whose outputs are probabilities.
        share: how much of a target is the teacher's, 0..1.

    Returns:
        The same batches, with float32 rows (N, classes) as targets of the labels.

    Raises:
        ValueError: `share` is out of range, or the data have outputs that the teacher lacks or numbers otherwise.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected 0..1, got {share!r}")
    unknown = [name for name in dataset.element_spec[1] if name not in teacher.schema.predicted]
    if unknown:
        raise ValueError(f"the teacher has no output {unknown[0]!r}; it has {list(teacher.schema.outputs)}")

    def teach(inputs, targets):
        said = teacher.schema.from_tensors(teacher(teacher.schema.to_tensors(inputs), training=False))
        kinds = {name: teacher.schema.outputs[name] for name in targets}
        return inputs, {
            name: task_for(kind).taught(kind, targets[name], said[name], share) for name, kind in kinds.items()
        }

    return dataset.map(teach, num_parallel_calls=1, deterministic=True).prefetch(2)
