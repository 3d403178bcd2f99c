"""The form of answer that a client prefers."""

from typing import Literal

Answer = Literal["json", "jpeg", "png"]

_JSON = ("application/json", "application/*", "*/*")
_JPEG = ("image/jpeg", "image/*", "*/*")
_PNG = ("image/png", "image/*", "*/*")


def preferred(accept: str) -> Answer:
    """A picture only if it is clearly preferred to JSON; JSON in all unclear cases."""
    wishes = _parse(accept)
    json, jpeg, png = (_quality(wishes, ranges) for ranges in (_JSON, _JPEG, _PNG))
    if json >= max(jpeg, png):
        return "json"
    if png != jpeg:
        return "png" if png > jpeg else "jpeg"
    first = next((name for name in wishes if name in (_JPEG[0], _PNG[0])), _JPEG[0])
    return "png" if first == _PNG[0] else "jpeg"


def _quality(wishes: dict[str, float], ranges: tuple[str, ...]) -> float:
    """The quality of the most specific range that is given; ``ranges`` begin with it."""
    return next((wishes[name] for name in ranges if name in wishes), 0.0)


def _parse(accept: str) -> dict[str, float]:
    wishes: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _number(parameter[2:])
        if name:
            wishes[name] = quality
    return wishes or {"*/*": 1.0}


def _number(text: str) -> float:
    """A number from 0 to 1; 0 for any other text."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
