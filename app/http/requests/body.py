"""The image out of a request's body, whichever of the three forms it comes in.

The form is found from the bytes: the declared content type is a hint, and often wrong (curl's
--data-binary declares a form, a fetch with its own header forgets the boundary).
"""

import json
import re
from collections.abc import AsyncIterator, Iterable

from starlette.requests import Request

from app.errors import ImageTooLarge, InvalidParameter
from app.http.middleware.request_context import parcel_of
from app.http.requests import encoded
from app.http.requests.form import Form, parse_form
from app.vision.images import formats

IMAGE_FIELDS = frozenset({"file", "image"})
_DATA_URL = re.compile(rb"\s{0,20}data:[\w.+\\/;=-]{0,200},")
_NO_JSON = 'The body is not JSON. Send {"image": "<base64>"}.'
_ONLY_IMAGE = 'The JSON has to be {"image": "<base64>"}, with nothing else.'


async def read_body(request: Request, limit: int) -> bytes:
    """Raises ImageTooLarge as soon as more than ``limit`` bytes are declared or have come.

    Raises Overloaded where all requests together hold too many bytes, RequestTimeout where the
    body takes too long, and ClientDisconnect.
    """
    given = request.headers.get("content-length", "")
    declared = int(given) if given.isascii() and given.isdigit() else 0
    if declared > limit:
        raise _too_large(limit)
    return await parcel_of(request).collect(_within(limit, request.stream()), declared, limit)


async def _within(limit: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk


def extract_image(body: bytes, content_type: str, option_names: Iterable[str] = ()) -> bytes:
    """Raises InvalidParameter where a form or a JSON object carries no image.

    What is neither is passed on as it is: the decoder says what it is not. ``option_names``
    are refused as form fields, since they would have no effect there.
    """
    if formats.recognise(body):
        return body
    declared = content_type.partition(";")[0].strip().lower()
    form = parse_form(body, content_type, IMAGE_FIELDS)
    if form is not None:
        return _image_of(form, frozenset(option_names))
    if body.lstrip()[:1] == b"{" or declared == "application/json":
        return _from_json(body)
    if declared == "multipart/form-data" and body:
        raise InvalidParameter(
            "The body is declared as multipart/form-data and does not begin with a boundary."
        )
    return body


def _too_large(limit: int) -> ImageTooLarge:
    return ImageTooLarge(f"The request's body is larger than {limit} bytes. Send a smaller image.")


def _image_of(form: Form, option_names: frozenset[str]) -> bytes:
    if misplaced := sorted(option_names & set(form.names)):
        raise InvalidParameter(
            f"{misplaced[0]}: options belong into the query, such as /detect?{misplaced[0]}=..."
        )
    return only_image(form)


def only_image(form: Form) -> bytes:
    """Raises InvalidParameter where the form has no image or several."""
    images = form.contents(IMAGE_FIELDS)
    if len(images) != 1:
        found = ", ".join(repr(name[:40]) for name in form.names[:5]) or "none"
        raise InvalidParameter(
            "A form has to carry one image, in the field 'file' or 'image';"
            f" here are {len(images)} (fields: {found})."
        )
    return images[0]


def _from_json(body: bytes) -> bytes:
    try:
        rest, text = encoded.take_out(body, "image")
        value = json.loads(rest)
    except encoded.TooMuchJson as error:
        raise InvalidParameter(_ONLY_IMAGE) from error
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(_NO_JSON) from error
    if not isinstance(value, dict) or set(value) != {"image"}:
        raise InvalidParameter(_ONLY_IMAGE)
    if not isinstance(value["image"], str):
        raise InvalidParameter("image: has to be a string of base64.")
    text = encoded.put_back(value["image"], text)
    prefix = _DATA_URL.match(text)
    try:
        return encoded.decode(text[prefix.end() :] if prefix else text, wrapped=True)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(_NO_JSON) from error
    except ValueError as error:
        raise InvalidParameter(f"image: is not base64 ({str(error)[:60]}).") from error
