"""Lists in settings: their parts, and refusals of parts that could never match anything."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

Check = Callable[[tuple[str, ...]], tuple[str, ...]]

_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::([1-9]\d{0,4}))?"
)
_NUMBERS = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
_BARE_ORIGINS = frozenset({"*", "null", "file://"})
_HOST = re.compile(r"\*|[\w-]+(\.[\w-]+)*", re.ASCII)
_BUCKET = re.compile(r"[\w.-]{3,255}", re.ASCII)
_ACCESS_POINT = re.compile(
    r"arn:aws[\w-]*:(s3|s3-object-lambda|s3-outposts):[a-z0-9-]*:\d{12}:(accesspoint|outpost)[/:][\w.:/-]+",
    re.ASCII,
)
_CREDENTIAL = re.compile(r"[^:\s/=]+:\S+")


def parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _each(is_right: Callable[[str], bool], wanted: str, *, secret: bool = False) -> Check:
    """A check of each part, which raises ValueError for a wrong one; a secret is not repeated."""

    def check(value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if not is_right(part):
                shown = "a part" if secret else repr(part[:60])
                raise ValueError(f"{shown} cannot match: write {wanted}")
        return value

    return check


def is_quoted(text: str) -> bool:
    return text[:1] in _QUOTES or text[-1:] in _QUOTES


def _is_origin(text: str) -> bool:
    """Whether a browser would send it as it is."""
    if text in _BARE_ORIGINS:
        return True
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return False
    scheme, host, port = match.groups()
    if port and (int(port) > 65535 or port == _DEFAULT_PORTS.get(scheme)):
        return False
    if host.startswith("["):
        return _is_address(host[1:-1])
    return not _NUMBERS.fullmatch(host) or _is_address(host)


def _is_address(text: str) -> bool:
    """Whether it is an address in its shortest form."""
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _is_bucket(text: str) -> bool:
    if _ACCESS_POINT.fullmatch(text):
        return True
    return bool(_BUCKET.fullmatch(text)) and not text.endswith(".amazonaws.com")


def _is_provider(text: str) -> bool:
    """Whether any build of ONNX Runtime has it; this one may lack it."""
    import onnxruntime

    known = {*onnxruntime.get_all_providers(), *onnxruntime.get_available_providers()}
    suffix = "executionprovider"
    names = {name.lower().removesuffix(suffix) for name in known}
    return text.lower().removesuffix(suffix) in names


def _is_proxy(text: str) -> bool:
    if text == "*":
        return True
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_credential(text: str) -> bool:
    key_id, _, secret = text.partition(":")
    return bool(_CREDENTIAL.fullmatch(text)) and not is_quoted(key_id) and not is_quoted(secret)


origins = _each(
    _is_origin,
    "http://localhost:3000 or https://example.com (lower case; no path, default port, wildcard)",
)
hosts = _each(
    lambda text: bool(_HOST.fullmatch(text)),
    "names such as spotter.example.com, without scheme, port and path; or * for any",
)
buckets = _each(_is_bucket, "names such as my-photos, without s3://, path and quotes")
credentials = _each(_is_credential, "ID:SECRET, without quotes", secret=True)
providers = _each(_is_provider, "names that ONNX Runtime knows, such as openvino or cuda")
proxies = _each(_is_proxy, "10.0.0.7 or 10.0.0.0/8 (no bits behind the mask); or * for any")
