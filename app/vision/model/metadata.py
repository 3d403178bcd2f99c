"""The metadata entries of an ONNX file. Field numbers are those of ``onnx.proto``."""

from app.vision.graph_surgery.protobuf import contents

ENTRY = 14
"""Field of ModelProto: one StringStringEntryProto for each metadata entry."""
KEY, VALUE = 1, 2
"""Fields of StringStringEntryProto."""


def read(model: memoryview) -> dict[str, str]:
    """``model`` is a whole file. Raises ValueError if it is not an ONNX file.

    If a key occurs several times, the last entry is used, as in onnxruntime.
    """
    return dict(entry(content) for content in contents(model, ENTRY))


def entry(content: memoryview) -> tuple[str, str]:
    """Key and value."""
    return _text(content, KEY), _text(content, VALUE)


def _text(content: memoryview, number: int) -> str:
    found = contents(content, number)
    return bytes(found[-1]).decode(errors="replace") if found else ""
