"""Simulated context of a road sign: what is written near it, where the car is, and what the road is like.

GTSRB has images only. For a multimodal model this module *invents* the other inputs, given the sign's class. **It is a
simulation**: every probability below is a judgement of what is plausible on German roads, none was estimated from data,
and every card or table that uses it must say "images real, context simulated". Each sample is drawn on its own, so the
frames of one physical sign do not share a place.

How one sample comes about (NumPy only; it depends on nothing but the seed, its index and its class):

1. **Road class**: each sign has one of five habitats (fast, rural, mixed, town, quiet), a distribution over the seven
   road classes; 15 % of it is spread over all, since signs stand in odd places and maps err.
2. **Place**: two of three samples lie around a town, the others anywhere in Germany's box. The snow sign is drawn to
   the Alps, but mostly stands elsewhere too. The heading says nothing.
3. **Speed**: around a posted limit. It is the sign's own limit in only two thirds of the samples, since the car reaches
   a limit sign at the speed of the limit *before* it, else a usual limit of the road class; one in eight is in a jam,
   and before yield, stop and turn signs half slow down.
4. **Road condition**: weather, then surface and visibility given the weather, then light. The sign hardly matters: a
   snow or slippery-road sign doubles the odds of the weather it warns of, and road work brings some gravel.
5. **Text**: absent in about 60 %, signs with print on them keeping it somewhat more often. Of the texts 58 % belong to
   the sign (its print, or the plate under it), 22 % to a *neighbouring* sign on the same class of road, which is what
   OCR over a whole frame gives, 10 % are town names and 10 % junk. Many signs share plates ("auf 2 km", "100 m"). Then
   characters are confused (0/O, 5/S, 8/B, ...), lost, doubled, and texts cut.
6. **Missing**: all of the location 6 %, all of the road condition 8 %, and each field of them 4 % more.

So the context helps but never gives the sign away: a classifier on the context alone must stay below 60 % on the 43
classes. `python -m mmzoo.recipes.context_only` measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mmzoo.models.schemas.road_sign import GTSRB_CLASSES, LIGHTS, ROAD_CLASSES, SURFACES, WEATHERS

NUM_SIGNS = len(GTSRB_CLASSES)

# Images of each class in GTSRB's training part: how often a neighbouring sign is which.
GTSRB_FREQUENCIES = (
    *(210, 2220, 2250, 1410, 1980, 1860, 420, 1440, 1410, 1470, 2010, 1320, 2100, 2160, 780),
    *(630, 420, 1110, 1200, 210, 360, 330, 390, 510, 270, 1500, 600, 240, 540, 270),
    *(450, 780, 240, 689, 420, 1200, 390, 210, 2070, 300, 360, 240, 240),
)

# Over ROAD_CLASSES: motorway, trunk, primary, secondary, tertiary, residential, service.
_FAST = (0.55, 0.28, 0.12, 0.05, 0.00, 0.00, 0.00)
_RURAL = (0.05, 0.17, 0.33, 0.28, 0.14, 0.02, 0.01)
_MIXED = (0.12, 0.15, 0.22, 0.20, 0.15, 0.11, 0.05)
_TOWN = (0.00, 0.04, 0.20, 0.25, 0.25, 0.21, 0.05)
_QUIET = (0.00, 0.00, 0.06, 0.12, 0.24, 0.46, 0.12)


@dataclasses.dataclass(frozen=True)
class _Sign:
    """Habitat, print on the sign, plates that may hang under it, and how often cars slow down before it."""

    roads: tuple[float, ...]
    print: str = ""
    plates: tuple[str, ...] = ()
    slows: float = 0.0


_SIGNS = (
    _Sign(_QUIET, "20", ("Schule", "22-6 h", "Zone")),
    _Sign(_QUIET, "30", ("Schule", "22-6 h", "Zone", "werktags", "Straßenschäden")),
    _Sign(_TOWN, "50", ("22-6 h", "bei Nässe", "werktags")),
    _Sign(_MIXED, "60", ("bei Nässe", "7,5 t", "Baustelle")),
    _Sign(_RURAL, "70", ("bei Nässe", "auf 2 km", "Straßenschäden")),
    _Sign(_RURAL, "80", ("bei Nässe", "auf 3 km", "Lärmschutz", "Baustelle")),
    _Sign(_RURAL, "80"),
    _Sign(_FAST, "100", ("bei Nässe", "Lärmschutz", "auf 3 km", "22-6 h")),
    _Sign(_FAST, "120", ("bei Nässe", "Lärmschutz", "6-19 h")),
    _Sign(_RURAL, "", ("auf 2 km", "auf 3 km", "2 km")),
    _Sign(_FAST, "", ("auf 4 km", "7,5 t", "2,8 t", "6-19 h")),
    _Sign(_RURAL, "", ("100 m", "150 m")),
    _Sign(_TOWN, "", ("Vorfahrt", "geändert")),
    _Sign(_TOWN, "", ("100 m", "150 m", "Radfahrer"), 0.5),
    _Sign(_TOWN, "STOP", ("100 m", "Radfahrer"), 0.6),
    _Sign(_QUIET, "", ("Anlieger frei", "Radfahrer frei", "2,8 t")),
    _Sign(_MIXED, "", ("7,5 t", "3,5 t", "Lieferverkehr frei", "Anlieger frei")),
    _Sign(_TOWN, "", ("Radfahrer frei", "Linienverkehr frei"), 0.4),
    _Sign(_MIXED, "", ("Unfallgefahr", "Staugefahr", "Ausfahrt", "500 m", "Straßenschäden")),
    _Sign(_RURAL, "", ("auf 2 km", "500 m"), 0.3),
    _Sign(_RURAL, "", ("auf 2 km", "500 m"), 0.3),
    _Sign(_RURAL, "", ("auf 3 km", "auf 2 km"), 0.3),
    _Sign(_MIXED, "", ("Straßenschäden", "auf 2 km"), 0.2),
    _Sign(_RURAL, "", ("bei Nässe", "auf 3 km", "Ölspur", "Rollsplitt")),
    _Sign(_MIXED, "", ("100 m", "Baustelle"), 0.2),
    _Sign(_MIXED, "", ("Baustelle", "500 m", "800 m", "auf 4 km"), 0.2),
    _Sign(_TOWN, "", ("150 m", "Baustelle", "100 m"), 0.2),
    _Sign(_TOWN, "", ("100 m", "Schule"), 0.2),
    _Sign(_QUIET, "", ("Schule", "Kindergarten", "100 m"), 0.2),
    _Sign(_TOWN, "", ("Radfahrer", "100 m")),
    _Sign(_RURAL, "", ("bei Frost", "Brücke", "auf 4 km")),
    _Sign(_RURAL, "", ("auf 3 km", "auf 4 km", "Wildwechsel")),
    _Sign(_FAST),
    _Sign(_TOWN, "", ("Radfahrer frei",), 0.5),
    _Sign(_TOWN, "", ("Radfahrer frei",), 0.5),
    _Sign(_TOWN, "", ("Linienverkehr frei",), 0.2),
    _Sign(_TOWN, "", (), 0.3),
    _Sign(_TOWN, "", (), 0.3),
    _Sign(_MIXED, "", (), 0.2),
    _Sign(_MIXED, "", (), 0.2),
    _Sign(_TOWN, "", ("100 m", "Vorfahrt"), 0.6),
    _Sign(_RURAL),
    _Sign(_FAST),
    # Not of GTSRB, see `mmzoo.data.sets.rendered.EXTRA_SIGNS`.
    _Sign(_QUIET, "10", ("Schule", "Zone")),
    _Sign(_TOWN, "40", ("22-6 h", "Lärmschutz")),
    _Sign(_RURAL, "90", ("bei Nässe", "auf 3 km")),
    _Sign(_FAST, "110", ("bei Nässe", "Lärmschutz")),
    _Sign(_FAST, "130", ("bei Nässe", "22-6 h")),
    _Sign(_TOWN, "", ("7-19 h", "werktags", "Taxi frei")),
    _Sign(_TOWN, "", ("werktags", "auf dem Seitenstreifen", "8-18 h")),
)
_LIMITS = {
    **{0: 20, 1: 30, 2: 50, 3: 60, 4: 70, 5: 80, 6: 80, 7: 100, 8: 120},
    **{43: 10, 44: 40, 45: 90, 46: 110, 47: 130},
}
_SNOW_SIGN, _SLIPPERY_SIGN, _ROAD_WORK = 30, 23, 25

# Usual limits of each road class, equally likely [km/h].
_USUAL_LIMITS = np.array(
    [
        (80, 100, 120, 130),
        (70, 80, 100, 120),
        (50, 70, 80, 100),
        (50, 60, 70, 100),
        (30, 50, 70, 100),
        (30, 30, 30, 50),
        (10, 20, 30, 30),
    ],
    float,
)
_WEATHER = np.array((0.40, 0.34, 0.16, 0.05, 0.05))
# Rows: weather; columns: SURFACES (dry, wet, snow, ice, gravel).
_SURFACE_GIVEN_WEATHER = np.array(
    [
        (0.88, 0.07, 0.01, 0.02, 0.02),
        (0.74, 0.20, 0.02, 0.02, 0.02),
        (0.06, 0.90, 0.01, 0.01, 0.02),
        (0.05, 0.30, 0.50, 0.13, 0.02),
        (0.45, 0.44, 0.03, 0.06, 0.02),
    ]
)
_LIGHT = np.array((0.72, 0.12, 0.16))
_TYPICAL_VISIBILITY = np.array((8000.0, 6000.0, 3000.0, 900.0, 200.0))  # [m] by weather
_LATITUDES, _LONGITUDES = (47.3, 55.0), (5.9, 15.0)  # Germany's box [deg]
_TOWNS = {
    "Bochum": (51.48, 7.22),
    "Berlin": (52.52, 13.40),
    "Hamburg": (53.55, 9.99),
    "München": (48.14, 11.58),
    "Köln": (50.94, 6.96),
    "Frankfurt": (50.11, 8.68),
    "Stuttgart": (48.78, 9.18),
    "Leipzig": (51.34, 12.37),
    "Bremen": (53.08, 8.80),
    "Hannover": (52.37, 9.73),
    "Nürnberg": (49.45, 11.08),
    "Kassel": (51.32, 9.50),
    "Freiburg": (47.99, 7.85),
    "Rostock": (54.09, 12.14),
}
_JUNK = ("P", "H", "A 43", "B 1", "I", "||", "--", "Taxi", "Hotel", "Aral", "VW", "7", "1", "o", "W", "Bus", "Post")
_CONFUSED = {
    **{"0": "O", "O": "0", "5": "S", "S": "5", "8": "B", "B": "8", "1": "I", "I": "1", "2": "Z", "6": "G", "7": "T"},
    **{"3": "8", "ä": "a", "ö": "o", "ü": "u", "ß": "B", "m": "rn", "t": "f", "k": "h", ",": ".", "e": "c", "l": "1"},
}
_LETTERS = "0123456789abcdefghijklmnoprstuwzABEHIKLMNORST.,-/"

_TEXT_SHARES = np.array((0.58, 0.22, 0.10, 0.10))  # own, neighbour's, town, junk
_PRESENT, _PRESENT_PRINTED = 0.38, 0.50
_CHARACTER_ERROR, _CUT = 0.06, 0.05
_LONGEST = 24  # characters that OCR errors are drawn for


def simulate_context(
    labels: Sequence[int] | np.ndarray,
    *,
    seed: int = 0,
    start: int = 0,
    classes: Sequence[int] = tuple(range(len(_SIGNS))),
) -> dict[str, list[str] | dict[str, np.ndarray]]:
    """Draws the context of signs. It is simulated; see the module's docstring for how.

    Args:
        labels: int (N,), index into `classes` of each sample.
        seed: another seed, other contexts.
        start: index of the first sample: sample i depends on `(seed, start + i, classes[labels[i]])` only, so that data
            may be drawn in parts.
        classes: the sign of each label: 0..42 of GTSRB, or one of `mmzoo.data.sets.rendered.EXTRA_SIGNS` from 43 on.

    Returns:
        Raw values as `Schema.encode` takes them: {"text": N strings, "" where missing; "location": latitude and
        longitude [deg], heading [deg], speed [km/h] as float64 (N,), road_class as str (N,); "road_condition": surface,
        weather and light as str (N,), visibility [m] as float64 (N,)}. Missing numbers are NaN, missing categories "".

    Raises:
        ValueError: a label or a class out of range, or a negative start.
    """
    signs = _signs_of(labels, classes)
    if start < 0:
        raise ValueError(f"start must be 0 or more, got {start}")
    draw = _Draws(seed, start, len(signs))
    road = draw.category(_ROADS[signs])
    return {
        "text": _texts(signs, road, draw),
        "location": _location(signs, road, draw),
        "road_condition": _road_condition(signs, draw),
    }


class _Draws:
    """Uniform numbers that depend on the seed, the sample's index and the order of the calls, not on other samples.

    A counter-based generator (SplitMix64 of Steele, Lea, Flood, OOPSLA 2014, on a hashed counter): NumPy's generators
    would need one object a sample, which is slow.
    """

    def __init__(self, seed: int, start: int, count: int):
        key = _mix(np.array([int(seed) & 0xFFFFFFFFFFFFFFFF], np.uint64))
        self._state = _mix(key + np.arange(start, start + count, dtype=np.uint64) * np.uint64(0xD1342543DE82EF95))
        self._column = 0

    def uniform(self) -> np.ndarray:
        """float64 (N,) in [0, 1)."""
        self._column += 1
        with np.errstate(over="ignore"):
            bits = _mix(self._state + np.uint64(self._column * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF))
        return (bits >> np.uint64(11)) * 2.0**-53

    def normal(self) -> np.ndarray:
        """float64 (N,), standard normal (Box, Muller 1958)."""
        return np.sqrt(-2.0 * np.log1p(-self.uniform())) * np.cos(2.0 * np.pi * self.uniform())

    def category(self, weights: np.ndarray) -> np.ndarray:
        """int (N,): an index by the weights (K,) or (N, K)."""
        edges = np.cumsum(weights, axis=-1)
        return (self.uniform()[:, None] * edges[..., -1:] >= edges[..., :-1]).sum(-1)


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


_ROADS = 0.85 * np.array([sign.roads for sign in _SIGNS]) + 0.15 / len(ROAD_CLASSES)
# Rows: road class; columns: which signs stand along it.
_SIGNS_GIVEN_ROAD = (_ROADS[:NUM_SIGNS] * np.array(GTSRB_FREQUENCIES)[:, None]).T
_SLOWS = np.array([sign.slows for sign in _SIGNS])
_PRINTED = np.array([bool(sign.print) for sign in _SIGNS])


def _signs_of(labels, classes) -> np.ndarray:
    labels, classes = np.asarray(labels), np.asarray(classes)
    if labels.ndim != 1 or (len(labels) and labels.dtype.kind not in "iu"):
        raise ValueError(f"labels must be integers of shape (N,), got {labels.dtype} of shape {labels.shape}")
    if len(classes) == 0 or classes.min() < 0 or classes.max() >= len(_SIGNS):
        raise ValueError(f"classes must be signs 0..{len(_SIGNS) - 1}, got {classes.tolist()}")
    bad = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(bad):
        raise ValueError(f"labels[{bad[0]}] must be 0..{len(classes) - 1}, got {labels[bad[0]]}")
    return classes[labels.astype(int)]


def _location(signs: np.ndarray, road: np.ndarray, draw: _Draws) -> dict[str, np.ndarray]:
    towns = np.array(list(_TOWNS.values()))[draw.category(np.ones(len(_TOWNS)))]
    near_town = draw.uniform() < 2 / 3
    latitude = np.where(near_town, towns[:, 0] + 0.2 * draw.normal(), _between(*_LATITUDES, draw.uniform()))
    longitude = np.where(near_town, towns[:, 1] + 0.3 * draw.normal(), _between(*_LONGITUDES, draw.uniform()))
    alpine = (draw.uniform() < 0.3) & (signs == _SNOW_SIGN)
    latitude = np.where(alpine, _between(47.3, 48.2, draw.uniform()), latitude)
    own_limit = np.array([_LIMITS.get(sign, 0) for sign in range(len(_SIGNS))], float)[signs]
    limit = _USUAL_LIMITS[road, draw.category(np.ones(_USUAL_LIMITS.shape[1]))]
    limit = np.where((draw.uniform() < 2 / 3) & (own_limit > 0), own_limit, limit)
    speed = limit * (0.93 + 0.11 * draw.normal())
    speed = np.where(draw.uniform() < 1 / 8, limit * 0.6 * draw.uniform(), speed)
    speed = np.where(draw.uniform() < _SLOWS[signs], speed * 0.55, speed)
    fields = {
        "latitude": np.clip(latitude, *_LATITUDES).round(5),
        "longitude": np.clip(longitude, *_LONGITUDES).round(5),
        "heading": np.floor(draw.uniform() * 3600.0) / 10.0,
        "speed": np.clip(speed, 0.0, 250.0).round(1),
        "road_class": np.array(ROAD_CLASSES)[road],
    }
    return _with_gaps(fields, 0.06, draw)


def _road_condition(signs: np.ndarray, draw: _Draws) -> dict[str, np.ndarray]:
    odds = np.tile(_WEATHER, (len(signs), 1))
    odds[signs == _SNOW_SIGN, WEATHERS.index("snow")] *= 2
    odds[signs == _SLIPPERY_SIGN, WEATHERS.index("rain")] *= 2
    weather = draw.category(odds)
    odds = _SURFACE_GIVEN_WEATHER[weather]
    odds[signs == _ROAD_WORK, SURFACES.index("gravel")] *= 3
    surface = draw.category(odds)
    light = draw.category(_LIGHT)
    visibility = _TYPICAL_VISIBILITY[weather] * np.exp(0.5 * draw.normal())
    visibility *= np.where(light == LIGHTS.index("night"), 0.6, 1.0)
    fields = {
        "surface": np.array(SURFACES)[surface],
        "weather": np.array(WEATHERS)[weather],
        "light": np.array(LIGHTS)[light],
        "visibility": np.clip(visibility, 10.0, 10_000.0).round(-1),
    }
    return _with_gaps(fields, 0.08, draw)


def _with_gaps(fields: dict[str, np.ndarray], all_missing: float, draw: _Draws) -> dict[str, np.ndarray]:
    gone = draw.uniform() < all_missing
    gaps = {name: gone | (draw.uniform() < 0.04) for name in fields}
    return {name: np.where(gaps[name], "" if v.dtype.kind == "U" else np.nan, v) for name, v in fields.items()}


def _texts(signs: np.ndarray, road: np.ndarray, draw: _Draws) -> list[str]:
    present = draw.uniform() < np.where(_PRINTED[signs], _PRESENT_PRINTED, _PRESENT)
    source = draw.category(_TEXT_SHARES)
    neighbours = draw.category(_SIGNS_GIVEN_ROAD[road])
    # One row a sample: which town or junk, print or plate, which plate, cut or not, where; then two for each character.
    numbers = np.stack([draw.uniform() for _ in range(5 + 2 * _LONGEST)], axis=1)
    towns = tuple(_TOWNS)
    texts = [""] * len(signs)
    for i in np.flatnonzero(present):
        which, printed, plate, cut, where = numbers[i, :5].tolist()
        if source[i] == 2:
            text = _pick(towns, which)
        elif source[i] == 3:
            text = _pick(_JUNK, which)
        else:
            sign = _SIGNS[signs[i] if source[i] == 0 else neighbours[i]]
            # A sign with neither print nor plate: the detector reads whatever is near.
            use_print = sign.print and (printed < 0.7 or not sign.plates)
            text = sign.print if use_print else _pick(sign.plates or towns, plate)
        text = _misread(text, numbers[i, 5:].tolist())
        texts[i] = text[: max(1, int(where * len(text)))] if cut < _CUT else text
    return texts


def _misread(text: str, numbers: list[float]) -> str:
    """Character errors of OCR; `numbers` holds whether and which for each character."""
    result = []
    for position, character in enumerate(text[:_LONGEST]):
        error, kind = numbers[2 * position : 2 * position + 2]
        if error >= _CHARACTER_ERROR:
            result.append(character)
        elif kind < 0.6:
            result.append(_CONFUSED.get(character, character))
        elif kind < 0.75:
            result.append(_pick(_LETTERS, (kind - 0.6) / 0.15))
        elif kind < 0.85:
            result.append(character * 2)
    return "".join(result)


def _pick(choices: Sequence[str], number: float) -> str:
    return choices[int(number * len(choices))]


def _between(low: float, high: float, number: np.ndarray) -> np.ndarray:
    return low + (high - low) * number
