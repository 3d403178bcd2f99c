"""Exports any torch.nn.Module that was saved whole, or a TorchScript file."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.vision.description import Description
from app.vision.families.base import Family
from models.common.commands import CommandError, require
from models.export.parity import Reference

_OPSET = 17


def export(
    weights: Path,
    out: Path,
    family: Family,
    description: Description,
    *,
    dynamic: bool,
    opset: int | None,
) -> Reference:
    """Writes ``out``, still without metadata. Returns a function that runs the module on inputs."""
    torch = require("torch", "make install-train")
    axes = {name: dict(open_axes) for name, open_axes in family.exported.items()}
    image, *others = axes
    inputs = [image, *(name for name in others if name in family.feeds)]
    outputs = [name for name in others if name not in family.feeds]
    module = _load(torch, weights).eval()
    height, width = description.input.size
    fed = [torch.from_numpy(family.feeds[name](height, width)) for name in inputs[1:]]
    example = (torch.zeros(1, 3, height, width), *fed)

    def run(given: Sequence[Any]) -> list[Any]:
        with torch.no_grad():
            answer = module(*given)
        answers = (answer,) if isinstance(answer, torch.Tensor) else tuple(answer)
        return list(answers[: len(outputs)])

    try:
        shapes = [list(output.shape) for output in run(example)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                example,
                str(out),
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=axes if dynamic else None,
                opset_version=opset or _OPSET,
                dynamo=False,
            )
    except Exception as error:  # the exporter and the module may raise anything
        reason = " ".join(str(error).split())[:300]
        raise CommandError(f"PyTorch cannot export {weights}: {reason}") from error
    _declare(out, outputs, shapes, axes if dynamic else {})
    return lambda given: [output.numpy() for output in run([torch.from_numpy(x) for x in given])]


def _declare(
    path: Path, names: list[str], shapes: list[list[int]], axes: dict[str, dict[int, str]]
) -> None:
    """Keeps only the outputs ``names`` and declares their axes, of which the exporter infers
    few."""
    onnx = require("onnx")
    model = onnx.load(path)
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.output}
    del model.graph.output[:]
    for name, shape in zip(names, shapes, strict=True):
        sides = [axes.get(name, {}).get(axis, side) for axis, side in enumerate(shape)]
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kinds[name], sides))
    onnx.save(model, path)


def _load(torch: Any, weights: Path) -> Any:
    with weights.open("rb"):
        pass  # a missing file is reported as such
    try:
        return torch.jit.load(weights, map_location="cpu")
    except RuntimeError:
        pass  # not TorchScript
    try:
        module = torch.load(weights, map_location="cpu", weights_only=False)
    except Exception as error:  # unpickling runs code of the file
        reason = " ".join(str(error).split())[:200]
        raise CommandError(
            f"{weights} cannot be loaded ({reason}). The module's class must be importable."
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise CommandError(
            f"{weights} holds a {type(module).__name__}, not a module: save the whole module, or"
            " TorchScript."
        )
    return module.float()
