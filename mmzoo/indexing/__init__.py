"""An index over a folder of pictures or a list of texts, by the vectors of a model with a `Pair`; NumPy only.

>>> import mmzoo
>>> photos = mmzoo.index("run/bundle", "photos")  # doctest: +SKIP
>>> photos.search("two dogs on a beach", k=5)  # doctest: +SKIP
"""

from mmzoo.indexing.embedding import Embedder
from mmzoo.indexing.index import Hit, Index, index, load_index

__all__ = ["Embedder", "Hit", "Index", "index", "load_index"]
