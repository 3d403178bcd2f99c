"""Recognises files that are often mistaken for an ONNX model by their first bytes."""

_LEAST = 8
"""Shorter files get the general error message."""


def kind_of(start: bytes) -> str | None:
    """The kind of file that begins with ``start``, and advice, in one sentence.

    None if it may be a model.
    """
    text = start[:512].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return (
            "it is a git-lfs pointer, not the model itself: fetch it with 'git lfs pull', or"
            " download the file from its page"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, not a model: download the file itself (/resolve/, not /blob/)"
    if start.startswith(b"PK\x03\x04"):
        return (
            "it is a zip archive or a PyTorch checkpoint (.pt): unpack the archive, or convert"
            " the checkpoint with 'python -m models.export'"
        )
    if start.startswith((b"\x80\x02", b"\x80\x04")):
        return "it is a pickled checkpoint (.pt): convert it with 'python -m models.export'"
    if start.startswith(b"\x1f\x8b"):
        return "it is compressed with gzip: unpack it with 'gunzip' or 'tar xzf' first"
    if start[4:8] == b"TFL3":
        return "it is a TensorFlow Lite model: export it to ONNX, for instance with tf2onnx"
    if start[4:8] in (b"ftrt", b"ptrt") or start.startswith((b"ftrt", b"ptrt")):
        return (
            "it is a TensorRT engine, which runs on one kind of GPU only: take the ONNX file that"
            " it was built from"
        )
    if len(start) > _LEAST and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 28:
        return (
            "it holds weights only (safetensors): export the model to ONNX, for instance with"
            " 'optimum-cli export onnx'"
        )
    if start.startswith(b"\x89HDF\r\n"):
        return "it is a Keras or HDF5 file: export the model to ONNX, for instance with tf2onnx"
    return None
