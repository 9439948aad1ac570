"""What a column's name gives away: a unit, a direction, an identifier, a code."""

from __future__ import annotations

import re

# Last part of a name -> unit.
_UNITS = {
    **{unit: unit for unit in ("km", "m", "cm", "mm", "kg", "g", "mg", "s", "ms", "min", "hz", "bpm", "rpm", "ml")},
    **{unit: unit for unit in ("deg", "rad", "bar", "mph", "days", "weeks", "months", "years", "hours", "minutes")},
    "seconds": "s", "sec": "s", "secs": "s", "hrs": "hours", "meters": "m", "metres": "m", "meter": "m", "metre": "m",
    "kmh": "km/h", "kph": "km/h", "mps": "m/s", "degrees": "deg", "degree": "deg", "radians": "rad",
    "celsius": "°C", "degc": "°C", "fahrenheit": "°F", "degf": "°F", "kelvin": "K",
    "percent": "%", "pct": "%", "hpa": "hPa", "kpa": "kPa", "mmhg": "mmHg", "kwh": "kWh", "kw": "kW", "mv": "mV",
    "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "lbs": "lb", "lb": "lb", "kcal": "kcal", "sqm": "m²", "sqft": "sq ft",
    "usd": "USD", "eur": "EUR", "gbp": "GBP", "inr": "INR", "jpy": "JPY", "chf": "CHF", "cny": "CNY",
}  # fmt: skip
_HZ = {"hz": "Hz"}
# Last two parts of a name -> unit.
_QUOTIENTS = {
    ("km", "h"): "km/h", ("m", "s"): "m/s", ("mm", "s"): "mm/s", ("cm", "s"): "cm/s", ("m", "s2"): "m/s²",
    ("kg", "m3"): "kg/m³", ("mg", "dl"): "mg/dl", ("mmol", "l"): "mmol/l", ("g", "l"): "g/l", ("l", "min"): "l/min",
    ("mm", "h"): "mm/h", ("deg", "s"): "deg/s", ("deg", "c"): "°C", ("deg", "f"): "°F", ("mm", "hg"): "mmHg",
}  # fmt: skip
_DIRECTION = re.compile(
    r"(^|_)(heading|bearing|azimuth|yaw|cog|compass|aspect|(wind|flow|wave|current|driving|travel|view|sun)?_?"
    r"(direction|dir)|orientation)(_|$)"
)
_ANGLE = re.compile(r"(^|_)(angle|deg|degree|degrees|rotation|phase|roll|pitch|course)(_|$)")
_IDENTIFIER = re.compile(
    r"(^|_)(id|ids|uid|uuid|guid|gid|pid|index|idx|key|hash|md5|sha1|sha256|checksum|sku|asin|isbn|ean|upc|serial|"
    r"barcode|doi|url|uri|link|rowid|row|row_number|unnamed_\d+)$|^(id|index|row|no|nr)_?(number|no|nr)?$|^unnamed"
)
_GLUED_ID = re.compile(
    r"^(patient|user|customer|product|item|image|img|sample|case|subject|order|record|study|session|person|client|"
    r"member|visit|lesion|film|movie|article|document|doc|file|photo|track)id$"
)
_CODE = re.compile(
    r"(^|_)(code|codes|zip|zipcode|postcode|plz|type|class|category|group|grp|cluster|kind|model|status)$"
)
_DATE = re.compile(r"(^|_)(date|day|datum|time|timestamp|datetime|created|updated|birth|dob|at|when)(_|$)")
_FOLDS = re.compile(
    r"((cv|k|test|train|val|outer|inner)_?)?(fold|folds|split|subset|partition)(_?(id|nr|no|number|index))?"
)
_DURATION = re.compile(r"(^|_)(duration|elapsed|length|runtime|playtime|lap|pace|taken|uptime)(_|$)")


def parts(name: str) -> list[str]:
    """A name's parts in lower case: "windDir (deg)" to ["wind", "dir", "deg"]."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name))
    return [part for part in re.split(r"[\W_]+", name.lower()) if part]


def unit_in(name: str) -> str:
    """The unit that a name holds; "" if none.

    >>> [unit_in(name) for name in ("speed_km_h", "age (years)", "price_inr", "width[mm]", "team")]
    ['km/h', 'years', 'INR', 'mm', '']
    """
    bracket = re.search(r"[(\[]\s*([^)\]]{1,12}?)\s*[)\]]\s*$", str(name))
    if bracket:
        word = bracket.group(1)
        return _UNITS.get(word.lower(), word)
    found = parts(name)
    if len(found) > 2 and tuple(found[-2:]) in _QUOTIENTS:
        return _QUOTIENTS[tuple(found[-2:])]
    # Both ways of taking it apart, for windSpeedMps and pressure_hPa.
    last = [found[-1], re.split(r"[\W_]+", str(name).lower())[-1]] if len(found) > 1 else []
    unit = next((_UNITS[part] for part in last if part in _UNITS), "")
    return _HZ.get(unit, unit)


def says_direction(name: str) -> bool:
    """A direction on a full circle: heading, bearing, azimuth, wind direction."""
    return bool(_DIRECTION.search("_".join(parts(name))))


def says_angle(name: str) -> bool:
    """Some angle, in degrees most likely."""
    return bool(_ANGLE.search("_".join(parts(name)))) or unit_in(name) in ("deg", "°")


def says_identifier(name: str) -> bool:
    """id, uuid, patientid, index, url and the like."""
    joined = "_".join(parts(name))
    return bool(_IDENTIFIER.search(joined) or _GLUED_ID.search(joined))


def says_code(name: str) -> bool:
    """Numbers under such a name are names of kinds, not amounts."""
    return bool(_CODE.search("_".join(parts(name))))


def says_date(name: str) -> bool:
    """A date or time."""
    return bool(_DATE.search("_".join(parts(name))))


def says_folds(name: str, values: list[str]) -> bool:
    """The numbers of a cross-validation's folds: 0, 1, 2 ... or 1, 2, 3 ... in a column of such a name and no other."""
    if not (_FOLDS.fullmatch("_".join(parts(name))) and 2 <= len(values) <= 20):
        return False
    numbers = sorted(int(value) if value.isdecimal() else -1 for value in values)
    return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def says_duration(name: str) -> bool:
    """How long something takes."""
    return bool(_DURATION.search("_".join(parts(name))))
