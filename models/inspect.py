"""Reports an ONNX file's properties, its cost, and whether the service accepts it."""

import argparse
import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.errors import StartError
from app.vision.model.load import Model, load
from models.common import graph, metadata
from models.common.commands import CommandError, parser, require, run

_SUMMARY = """\
Show the properties and the cost of an ONNX file, and why the service refuses it, if it does."""

_DETAILS = """
The exit code is 0 if the service accepts the file and 1 if it does not. FLOPs are twice the
multiplications of one run at the default input size.
"""


def inspect(arguments: argparse.Namespace) -> None:
    path: Path = arguments.model
    content = path.read_bytes()
    facts: dict[str, object] = {
        "file": path,
        "size": f"{len(content) / 1e6:.2f} MB",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        model: Model | None = load(path)
        refusal = None
    except StartError as error:
        model, refusal = None, error
    facts.update(_of_description(model) if model else {})
    facts.update(_of_graph(content, model))
    facts["providers"] = ", ".join(onnxruntime.get_available_providers())
    facts["served"] = "no" if refusal else "yes"
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name:{width}}  {value}")
    if refusal:
        sys.stdout.flush()
        raise CommandError(str(refusal))


def _of_description(model: Model) -> dict[str, object]:
    described = model.description
    spec = described.input
    height, width = spec.size
    many = "as many pixels as" if spec.fit == "area" else "at most"
    axes = f"dynamic axes, {many}" if model.signature.dynamic else "fixed"
    normalisation = ", ".join(
        f"{channel} ({mean:g}, {std:g})"
        for channel, mean, std in zip(spec.channels, spec.mean, spec.std, strict=True)
    )
    return {
        "name": described.name,
        "licence": described.license,
        "family": f"{described.family}, {model.family.layout}",
        "outputs mean": str(described.output or "the family's usual meaning"),
        "labels": f"{len(described.labels)}: {', '.join(described.labels)}",
        "input": f"{axes} {width} x {height}, {model.signature.dtype}, multiples of {spec.stride}",
        "fit": f"{spec.fit}, padded with {spec.pad_value}, scaled by {spec.resample}",
        "normalisation": f"(pixel - mean) / std, in the order (mean, std): {normalisation}",
    }


def _of_graph(content: bytes, model: Model | None) -> dict[str, object]:
    onnx = require("onnx")
    try:
        entries = metadata.read(content)
        proto = onnx.load_from_string(content)
    except Exception:  # protobuf's exception classes; the error message says what is wrong
        return {}
    weights = {tensor.name for tensor in proto.graph.initializer}
    opsets = ", ".join(f"{entry.domain or 'onnx'} {entry.version}" for entry in proto.opset_import)
    facts: dict[str, object] = {
        "made by": " ".join(filter(None, (proto.producer_name, proto.producer_version))),
        "opset": opsets,
        "metadata": ", ".join(entries) or "none",
        # Older files list their weights among the inputs.
        "inputs": ", ".join(_value(v) for v in proto.graph.input if v.name not in weights),
        "outputs": ", ".join(_value(value) for value in proto.graph.output),
        "parameters": f"{graph.parameters(proto) / 1e6:.3f} million",
    }
    if model:
        height, width = model.description.input.size
        tensor = np.zeros((1, 3, height, width), model.signature.dtype)
        with suppress(Exception):  # for graphs whose shapes cannot be inferred
            flops = graph.operations(proto, model.feed(tensor))
            facts["FLOPs"] = f"{flops / 1e9:.2f} billion at {width} x {height}"
    return facts


def _value(value: Any) -> str:
    kind = value.type.tensor_type
    sides = [str(axis.dim_param or axis.dim_value or "?") for axis in kind.shape.dim]
    name = require("onnx").TensorProto.DataType.Name(kind.elem_type).lower()
    return f"{value.name} {name} [{', '.join(sides)}]"


def main(argv: list[str] | None = None) -> int:
    options = parser("inspect", _SUMMARY, _DETAILS)
    options.add_argument("model", type=Path, help="an ONNX file")
    return run(inspect, options.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
