"""The schema of the recommendation model, without Keras: its data and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Category, History, Number, Ranking, Schema, Sensors, TimeOfDay

OCCUPATIONS = (
    *("administrator", "artist", "doctor", "educator", "engineer", "entertainment", "executive", "healthcare"),
    *("homemaker", "lawyer", "librarian", "marketing", "none", "other", "programmer", "retired", "salesman"),
    *("scientist", "student", "technician", "writer"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
USER = Sensors(
    (Number("age", "years", 0, 120), Category("gender", ("F", "M")), Category("occupation", OCCUPATIONS))
)  # fmt: skip
CONTEXT = Sensors((TimeOfDay("time"), Category("weekday", DAYS)))
# Where nobody says what there is to recommend.
ITEMS = tuple(f"item {number}" for number in range(1, 101))


def recommendation_schema(
    items: Sequence[str] = ITEMS, *, length: int = 32, user: Sensors | None = USER, context: Sensors | None = CONTEXT
) -> Schema:
    """Inputs and output of `build_recommendation_model`.

    Args:
        items: names of all that can be recommended.
        length: how many of the newest items of a history are read.
        user: what is known of a user; None: nothing.
        context: what is known of the moment; None: nothing.
    """
    inputs = {"history": History(length, tuple(items)), "user": user, "context": context}
    given = {name: kind for name, kind in inputs.items() if kind is not None}
    return Schema("recommendation", given, {"item": Ranking(tuple(items))})
