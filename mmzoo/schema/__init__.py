"""The schema: an immutable description of what goes into a model and what comes out, as JSON on disk.

It says for every input and output its name, shape, dtype, units, categories or classes, and how "missing" looks. The
tf.data pipelines, the models, the SavedModel, the LiteRT file and the device runtime all read the same schema, and
`Schema.encode` turns raw samples (files, strings, numbers) into the very arrays that the model takes. Needs NumPy and
Pillow only, so that it also runs on a device without TensorFlow.
"""

from mmzoo.schema.fields import Angle, Category, Date, Field, Number, TimeOfDay
from mmzoo.schema.inputs.audio import Audio
from mmzoo.schema.inputs.fielded import Fielded
from mmzoo.schema.inputs.history import History
from mmzoo.schema.inputs.image import Image
from mmzoo.schema.inputs.modality import Modality
from mmzoo.schema.inputs.noise import Noise
from mmzoo.schema.inputs.sensors import Sensors
from mmzoo.schema.inputs.series import Series
from mmzoo.schema.inputs.so_far import SoFar
from mmzoo.schema.inputs.state import State
from mmzoo.schema.inputs.text import Text
from mmzoo.schema.inputs.vector import Vector
from mmzoo.schema.inputs.video import Video
from mmzoo.schema.kinds import KindTable, register_kind
from mmzoo.schema.names import identifier
from mmzoo.schema.outputs.label import Label
from mmzoo.schema.outputs.multi_label import MultiLabel
from mmzoo.schema.outputs.output import Output
from mmzoo.schema.outputs.pair import Pair
from mmzoo.schema.outputs.picture import Picture
from mmzoo.schema.outputs.ranking import Ranking
from mmzoo.schema.outputs.sentence import Sentence
from mmzoo.schema.outputs.span import Span
from mmzoo.schema.outputs.transcript import Transcript
from mmzoo.schema.outputs.value import Value
from mmzoo.schema.schema import Schema

__all__ = [
    "Angle",
    "Audio",
    "Category",
    "Date",
    "Field",
    "Fielded",
    "History",
    "Image",
    "KindTable",
    "Label",
    "Modality",
    "MultiLabel",
    "Noise",
    "Number",
    "Output",
    "Pair",
    "Picture",
    "Ranking",
    "Schema",
    "Sensors",
    "Sentence",
    "Series",
    "SoFar",
    "Span",
    "State",
    "Text",
    "TimeOfDay",
    "Transcript",
    "Value",
    "Vector",
    "Video",
    "identifier",
    "register_kind",
]
