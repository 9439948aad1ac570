"""Drawn road signs: the 43 classes of GTSRB and some more, rendered with Pillow and NumPy into random scenes.

>>> from mmzoo.data.sets.rendered import render_signs
>>> render_signs([14, 1], seed=7).shape
(2, 32, 32, 3)
"""

from mmzoo.data.sets.rendered.scene import contact_sheet, render_signs, sign_stream
from mmzoo.data.sets.rendered.signs import EXTRA_SIGNS, STYLES, SignStyle, draw_sign

__all__ = ["EXTRA_SIGNS", "STYLES", "SignStyle", "contact_sheet", "draw_sign", "render_signs", "sign_stream"]
