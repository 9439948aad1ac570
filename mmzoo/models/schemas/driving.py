"""The schema of the driving model, without Keras: its data and devices read it too."""

from __future__ import annotations

from mmzoo.schema import Category, Image, Label, Number, Schema, Sensors, Series, Value

SURFACES = ("dry", "wet", "snow", "ice", "gravel")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
LIGHTS = ("day", "dusk", "night")


def driving_schema(*, image_size: tuple[int, int] = (80, 160), steps: int = 20) -> Schema:
    """Inputs and outputs of `build_driving_model`.

    Args:
        image_size: (height, width) of the camera's picture in pixels.
        steps: number of past steps in `history` and `location`.
    """
    return Schema(
        "driving",
        inputs={
            "image": Image(*image_size),
            "history": Series(
                steps,
                (
                    Number("speed", "mph", 0.0, 100.0),
                    Number("steering", "", -1.0, 1.0),
                    Number("throttle", "", 0.0, 1.0),
                ),
            ),
            "location": Series(
                steps,
                (
                    Number("x", "m", -1000.0, 1000.0),
                    Number("y", "m", -1000.0, 1000.0),
                    Number("heading", "deg", -180.0, 180.0),
                ),
            ),
            "road_condition": Sensors(
                (
                    Category("surface", SURFACES),
                    Category("weather", WEATHERS),
                    Category("light", LIGHTS),
                    Number("visibility", "m", 0.0, 10_000.0),
                )
            ),
        },
        outputs={
            "steering": Value("", -1.0, 1.0),
            "throttle": Value("", 0.0, 1.0),
            "brake": Label(("no", "yes")),
        },
    )
