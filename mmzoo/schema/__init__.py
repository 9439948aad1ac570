"""The schema: an immutable description of what goes into a model and what comes out, as JSON on disk.

It says for every input and output its name, shape, dtype, units, categories or classes, and how "missing" looks. The
tf.data pipelines, the models, the SavedModel, the LiteRT file and the device runtime all read the same schema, and
`Schema.encode` turns raw samples (files, strings, numbers) into the very arrays that the model takes. Needs NumPy and
Pillow only, so that it also runs on a device without TensorFlow.
"""

from mmzoo.schema.fields import Angle, Category, Date, Field, Number
from mmzoo.schema.modalities import Audio, History, Image, Modality, Sensors, Sequence, Text, Video
from mmzoo.schema.names import identifier
from mmzoo.schema.outputs.label import Label
from mmzoo.schema.outputs.multi_label import MultiLabel
from mmzoo.schema.outputs.output import Output
from mmzoo.schema.outputs.value import Value
from mmzoo.schema.schema import Schema

__all__ = [
    "Angle",
    "Audio",
    "Category",
    "Date",
    "Field",
    "History",
    "Image",
    "Label",
    "Modality",
    "MultiLabel",
    "Number",
    "Output",
    "Schema",
    "Sensors",
    "Sequence",
    "Text",
    "Value",
    "Video",
    "identifier",
]
