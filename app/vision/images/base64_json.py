"""JSON documents with a base64 image: parsed by pydantic, with a limit on their memory."""

import binascii
import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

MOST_COMMAS = 1000
"""Documents with more values are not parsed, since they could take fifty times their size in
memory. Base64 has no commas, and nesting without commas stops at pydantic's own limit."""
_FROM_URLS = str.maketrans("-_", "+/")
_DATA_URL = re.compile(r"\s{0,20}data:[\w.+\\/;=-]{0,200},")

M = TypeVar("M", bound="Base64Model")


class Base64Model(BaseModel):
    """Its fields of type ``bytes`` are base64 in JSON."""

    model_config = ConfigDict(strict=True, val_json_bytes="base64")


class TooManyValues(ValueError):
    def __init__(self) -> None:
        super().__init__(f"The JSON has more than {MOST_COMMAS} commas.")


def read_base64_json(model: type[M], document: bytes, *path: str, spaces: bool = False) -> M:
    """The base64 at ``path`` may be a data: URL and contain line breaks or, if allowed, ``spaces``.

    Raises TooManyValues or pydantic's ValidationError.
    """
    if _has_more_commas(document, MOST_COMMAS):
        raise TooManyValues
    try:
        return model.model_validate_json(document)
    except ValidationError:
        # Parse again, more slowly, what pydantic does not accept.
        taken_out = _take_out(document, path, spaces)
        if taken_out is None:
            raise
    rest, data = taken_out
    value = owner = model.model_validate_json(rest)
    *above, name = path
    for key in above:
        owner = getattr(owner, key)
    setattr(owner, name, data)
    return value


def _padded(text: str) -> str:
    """Base64 in the usual alphabet and with its padding, as pydantic accepts it without either."""
    plain = text.translate(_FROM_URLS).rstrip("=")
    return plain + "=" * (-len(plain) % 4)


def _has_more_commas(document: bytes, most: int) -> bool:
    at = -1
    for _ in range(most + 1):
        at = document.find(b",", at + 1)  # 20 times as fast as bytes.count
        if at < 0:
            return False
    return True


def _take_out(document: bytes, path: tuple[str, ...], spaces: bool) -> tuple[bytes, bytes] | None:
    """``document`` with an empty string at ``path``, and the decoded bytes that were there.

    None if there is no base64.
    """
    *above, name = path
    try:
        whole: Any = json.loads(document)
        owner = whole
        for key in above:
            owner = owner[key]
        text = owner[name]
        url = _DATA_URL.match(text)
        text = text[url.end() :] if url else text
        text = "".join(text.split() if spaces else text.splitlines())
        data = binascii.a2b_base64(_padded(text) if url else text, strict_mode=True)
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    owner[name] = ""
    return json.dumps(whole).encode(), data
