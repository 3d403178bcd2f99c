"""Explains why bytes are not a readable image, if their beginning shows it."""

import base64
import binascii
import codecs
import re
from urllib.parse import unquote_to_bytes

from app.vision.images import formats

_SAMPLE_BYTES = 64 * 1024
_FEW_BYTES = 300
_REPLACEMENT = "\ufffd".encode()

_JSON_INSTEAD = 'Send the image\'s bytes, or send JSON: {"image": "<base64>"}.'
_BASE64 = f"This is base64 text and not the image itself. {_JSON_INSTEAD}"
_DATA_URL = f"This is a data: URL and not the image itself. {_JSON_INSTEAD}"
_URL_ENCODED = (
    "This is a URL-encoded form, which carries no files."
    f" Send multipart/form-data, or else: {_JSON_INSTEAD}"
)
_PYTHON_TEXT = f"This is the text that Python prints for bytes. {_JSON_INSTEAD}"
_SCRIPT_TEXT = "This is what JavaScript makes of a file as text. Append the File or Blob itself."
_FILE_NAME = "This is the name of a file and not its content. For curl, write an @ before the name."
_ADDRESS = "This is an address, and images are not fetched from addresses. Send the image's bytes."
_AS_TEXT = (
    "The image's bytes were changed when something on the way read them as text (they have U+FFFD"
    " where bytes were). Behind API Gateway, add */* to binaryMediaTypes; in a program, read the"
    " file as bytes."
)
_AS_LATIN = (
    "The image's bytes were changed when something on the way wrote them as UTF-8. Send them as"
    " bytes and not as a string."
)
_WITHOUT_LINE_BREAKS = (
    "The image's line breaks and zero bytes were changed or removed on the way. For curl, use"
    " --data-binary @FILE instead of -d @FILE; for FTP, binary mode."
)

_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence)
    for pattern, sentence in (
        (
            rb"version https://git-lfs\.github\.com/spec/",
            "This is a Git LFS pointer and not the image: run 'git lfs pull', and send the file.",
        ),
        (
            rb"(<\?xml[^>]*>\s*)?(<!--.{0,200}?-->\s*)?<svg\b|.{0,200}<!doctype svg",
            "This is an SVG drawing and not a picture of pixels: send it as PNG.",
        ),
        (
            rb"(<\?xml[^>]*>\s*)?(<!--.{0,200}?-->\s*)?<(!doctype html|html|head|body|title)\b",
            "This is an HTML page and not an image: often the login or error page of a server.",
        ),
        (rb"<(\?xml|error)\b", "This is XML and not an image: often an error of a file store."),
        (
            rb"[{\[]\s*[\"{\[\]}]",
            "This is JSON and not an image. Only the body as a whole may be JSON, as"
            ' {"image": "<base64>"}.',
        ),
        (
            rb"\x1f\x8b",
            "This is gzip: send it unpacked, or with the header Content-Encoding: gzip.",
        ),
        (rb"PK\x03\x04", "This is a ZIP archive: send the image in it."),
        (rb"%PDF-", "This is a PDF: send its page as an image."),
    )
)
_FULL: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), sentence)
    for pattern, sentence in (
        (rb"\[object \w{1,20}\]|undefined|null", _SCRIPT_TEXT),
        (rb"https?://\S+", _ADDRESS),
        (
            rb"@?[^\x00-\x1f<>]{1,250}\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|heic|heif|mpo)",
            _FILE_NAME,
        ),
    )
)
_FIELD = re.compile(rb"[\w.\[\]-]{1,64}=")
_PERCENT_DATA_URL = re.compile(rb"data(:|%3a)[\w/+.%-]{0,100}(;|%3b)", re.IGNORECASE)
_PRINTED_BYTES = re.compile(rb"b['\"]")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def find_cause(data: bytes) -> str:
    """One or two sentences with advice; empty if no cause is recognised."""
    text = data[:_FEW_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()
    for beginning, sentence in _BEGINNINGS:
        if beginning.match(text):
            return sentence
    if sentence := _encoded_cause(text):
        return sentence
    whole = data.strip() if len(data) <= _FEW_BYTES else b""
    for full, sentence in _FULL:
        if full.fullmatch(whole):
            return sentence
    return _changed_bytes(data[:_SAMPLE_BYTES])


def is_base64_of_image(data: bytes) -> bool:
    """Whether ``data`` begins like the base64 of an image, with any quotes or line breaks."""
    text = b"".join(data[:_FEW_BYTES].strip(b" \t\r\n\"'").split()).translate(_URL_SAFE)
    text = text.rstrip(b"=")
    try:
        decoded = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except binascii.Error:
        return False
    if formats.recognise(decoded) is not None:
        return True
    return len(decoded) > 2 and is_base64_of_image(decoded)


def _encoded_cause(text: bytes) -> str:
    plain = text.lstrip(b"\"'")
    if _PERCENT_DATA_URL.match(plain):
        return _DATA_URL
    if _PRINTED_BYTES.match(text):
        return _PYTHON_TEXT
    if is_base64_of_image(plain):
        return _BASE64
    if field := _FIELD.match(text):
        value = text[field.end() :]
        if _PERCENT_DATA_URL.match(value) or is_base64_of_image(unquote_to_bytes(value)):
            return _URL_ENCODED
    return ""


def _changed_bytes(sample: bytes) -> str:
    if _REPLACEMENT in sample and (text := _utf8(sample)) is not None:
        return _AS_TEXT
    if (text := _utf8(sample[:_FEW_BYTES])) is not None:
        try:
            original = text.encode("latin-1")
        except UnicodeEncodeError:
            original = text.encode("cp1252", "replace")
        if original != sample[:_FEW_BYTES] and formats.recognise(original) is not None:
            return _AS_LATIN
    is_png = sample.startswith(b"\x89PNG") and not sample.startswith(b"\x89PNG\r\n\x1a\n")
    is_jfif = sample.startswith(b"\xff\xd8\xff\xe0\x10JFIF")
    has_none = len(sample) > 2048 and not re.search(rb"[\x00\r\n]", sample)
    if is_png or is_jfif or (has_none and formats.recognise(sample) is not None):
        return _WITHOUT_LINE_BREAKS
    return ""


def _utf8(sample: bytes) -> str | None:
    """None if ``sample``, which may end inside a character, is not UTF-8."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return None
