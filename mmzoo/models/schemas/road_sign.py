"""The schema of the road-sign model and the names that go with it, without Keras: data and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Angle, Category, Image, Label, Number, Schema, Sensors, Text

# Names and order of the German Traffic Sign Recognition Benchmark (Stallkamp et al., Neural Networks 32, 2012).
GTSRB_CLASSES = (
    "Speed limit (20km/h)",
    "Speed limit (30km/h)",
    "Speed limit (50km/h)",
    "Speed limit (60km/h)",
    "Speed limit (70km/h)",
    "Speed limit (80km/h)",
    "End of speed limit (80km/h)",
    "Speed limit (100km/h)",
    "Speed limit (120km/h)",
    "No passing",
    "No passing for vehicles over 3.5 metric tons",
    "Right-of-way at the next intersection",
    "Priority road",
    "Yield",
    "Stop",
    "No vehicles",
    "Vehicles over 3.5 metric tons prohibited",
    "No entry",
    "General caution",
    "Dangerous curve to the left",
    "Dangerous curve to the right",
    "Double curve",
    "Bumpy road",
    "Slippery road",
    "Road narrows on the right",
    "Road work",
    "Traffic signals",
    "Pedestrians",
    "Children crossing",
    "Bicycles crossing",
    "Beware of ice/snow",
    "Wild animals crossing",
    "End of all speed and passing limits",
    "Turn right ahead",
    "Turn left ahead",
    "Ahead only",
    "Go straight or right",
    "Go straight or left",
    "Keep right",
    "Keep left",
    "Roundabout mandatory",
    "End of no passing",
    "End of no passing by vehicles over 3.5 metric tons",
)

ROAD_CLASSES = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service")
SURFACES = ("dry", "wet", "snow", "ice", "gravel")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
LIGHTS = ("day", "dusk", "night")


def road_sign_schema(
    num_classes: int = 43,
    *,
    image_size: tuple[int, int] = (32, 32),
    text_length: int = 32,
    classes: Sequence[str] | None = None,
) -> Schema:
    """Inputs and outputs of `build_road_sign_model`.

    Args:
        num_classes: number of signs; ignored where `classes` is given.
        image_size: (height, width) of the image in pixels.
        text_length: length of the text in UTF-8 bytes.
        classes: names of the signs; the 43 of GTSRB where there are 43, else class_0, class_1, ...

    Returns:
        Schema with the inputs image, text, location, road_condition and the output sign.
    """
    if classes is None:
        classes = GTSRB_CLASSES if num_classes == len(GTSRB_CLASSES) else [f"class_{i}" for i in range(num_classes)]
    return Schema(
        "road_sign",
        inputs={
            "image": Image(*image_size),
            "text": Text(text_length),
            "location": Sensors(
                (
                    Number("latitude", "deg", -90.0, 90.0),
                    Number("longitude", "deg", -180.0, 180.0),
                    Angle("heading"),
                    Number("speed", "km/h", 0.0, 300.0),
                    Category("road_class", ROAD_CLASSES),
                )
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
        outputs={"sign": Label(tuple(classes))},
    )
