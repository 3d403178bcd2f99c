"""Writes labels, family and input into an ONNX file, so that Spotter can serve it."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.vision import families
from app.vision.description import Description
from app.vision.preprocess.input_spec import InputSpec
from models.adoption import external_data, report
from models.adoption.choose import Wishes, choose
from models.adoption.hints import read as read_hints
from models.adoption.opened import Opened, open_file
from models.adoption.options import INPUT_SETTINGS, add_description_options
from models.adoption.photos import photos
from models.adoption.trial import Reading, Trials
from models.common import checks, labels, metadata
from models.common.commands import (
    CommandError,
    output,
    parser,
    replacing,
    run,
)

_SUMMARY = """\
Adopt a detector without a description (YOLOX, RT-DETR, D-FINE, DEIM ...): write its labels,
family and input into the metadata of a copy, which Spotter can serve. The weights stay unchanged,
byte for byte. The model is first run on photos; nothing is written if it finds nothing."""

_EXAMPLE = """
Settings without an option are read from the file and from config.json, preprocessor_config.json or
infer_cfg.yml in its folder, or tried on photos: those of --photos, or two of the page.

example:
  python -m models.adopt yolox_nano.onnx --labels coco --license Apache-2.0
  SPOTTER_MODEL=weights/yolox_nano-adopted.onnx make run
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("adopt", _SUMMARY, _details())
    options.add_argument("file", type=Path, help="the ONNX file; it is only read")
    options.add_argument("--out", type=Path, help="the file to write (weights/<file>-adopted.onnx)")
    add_description_options(options)
    return options.parse_args(argv)


def _details() -> str:
    rows = []
    for family in families.every():
        spec = family.input
        pad = "" if spec.fit == "stretch" else f", pad {spec.pad_value}"
        rows.append(f"  {family.name}: {family.layout}\n    {family.models}")
        rows.append(f"    {spec.fit}, {spec.channels}, {_scale(spec)}{pad}")
    head = "families, with their outputs, models and default input:"
    return "\n".join([head, *rows, _EXAMPLE])


def _scale(spec: InputSpec) -> str:
    means, divisors = (
        ", ".join(f"{value:g}" for value in (values if len(set(values)) > 1 else values[:1]))
        for values in (spec.mean, spec.std)
    )
    plain = {("0", "255"): "0..1", ("0", "1"): "0..255"}
    return plain.get((means, divisors), f"(pixel - {means}) / {divisors}")


def description(
    arguments: argparse.Namespace, axes: tuple[int, int] | None, name: str
) -> Description:
    """Builds the description from the options alone, for an exporter that knows the family.

    Raises CommandError if the options contradict each other or the file.
    """
    usual = families.get(arguments.family).input
    size = arguments.size or axes
    if size is None:
        raise CommandError(
            "The file's axes are dynamic: give the largest input with --size, such as --size"
            f" {usual.size[0]}."
        )
    try:
        return Description(
            family=arguments.family,
            name=arguments.name or name,
            labels=labels.parse(arguments.labels),
            input=InputSpec.model_validate(
                {**usual.model_dump(), **_given(arguments), "size": size}
            ),
            license=arguments.license,
            iou=arguments.iou,
        )
    except ValidationError as error:
        raise _wrong(error) from error


def write(arguments: argparse.Namespace, source: Path, out: Path, name: str) -> Description:
    """Writes a copy of ``source`` with the description to ``out``, if it finds objects on photos.

    Raises CommandError if the options do not fit the file, or no reading of it makes sense.
    """
    opened = open_file(source, out if source.name.startswith(".") else source)
    model = source.read_bytes()
    hints = read_hints(source, opened.stored)
    found_labels = labels.parse(arguments.labels) if arguments.labels else hints.labels
    if not found_labels:
        raise CommandError(f"{source.name} has no labels: give --labels ({labels.HELP}).")
    if arguments.labels and len(found_labels) != len(hints.labels):
        hints = replace(hints, numbers=None)
    wishes = Wishes(arguments.family, _given(arguments), arguments.first_class, arguments.scores)
    _validated(arguments, families.get(arguments.family or families.NAMES[0]).input)
    opened = opened.closed(len(found_labels), arguments.size or opened.axes or hints.size)
    looked_at = photos(arguments.photos)
    choice = choose(opened, hints, found_labels, wishes, Trials(opened, looked_at, found_labels))
    reading = choice.outcome.reading
    description = _description(arguments, reading, opened, found_labels, name, hints.license)
    new = external_data.copy(model, source, out.parent)
    try:
        with replacing(out) as partial_file:
            partial_file.write_bytes(metadata.describe(model, description))
            detector = checks.serves(partial_file, out)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
    report.tell(choice, hints, wishes)
    if arguments.show:
        report.show(detector, choice, arguments.show)
    return description


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {key: getattr(arguments, key) for key in (*INPUT_SETTINGS, "size")}
    return {key: value for key, value in given.items() if value is not None}


def _validated(arguments: argparse.Namespace, usual: InputSpec) -> InputSpec:
    """Raises CommandError for an invalid setting of the input."""
    try:
        return InputSpec.model_validate({**usual.model_dump(), **_given(arguments)})
    except ValidationError as error:
        raise _wrong(error) from error


def _description(
    arguments: argparse.Namespace,
    reading: Reading,
    opened: Opened,
    found_labels: tuple[str, ...],
    name: str,
    license_: str,
) -> Description:
    family, spec = reading.family, reading.spec
    if spec is not None and family.with_spec and family.with_spec(spec) is family.decode:
        spec = None  # the family's usual meaning: the description stays short
    given = arguments.license
    try:
        return Description(
            family=reading.family.name,
            name=arguments.name or name,
            labels=found_labels,
            input=reading.input,
            output=spec,
            shapes=dict(opened.shapes) if opened.shapes else None,
            license=license_ if given == "unknown" and license_ else given,
            iou=arguments.iou,
        )
    except ValidationError as error:
        raise _wrong(error) from error


def _wrong(error: ValidationError) -> CommandError:
    first = error.errors()[0]
    option = str(first["loc"][0]).removesuffix("_value")
    return CommandError(f"--{option} {first['input']}: {first['msg']}.")


def adopt(arguments: argparse.Namespace) -> None:
    source: Path = arguments.file
    out = output(arguments.out, source, "-adopted")
    found = write(arguments, source, out, source.stem)
    height, width = found.input.size
    print(
        f"wrote {out}: {found.family}, {len(found.labels)} labels, input {width} x {height}."
        f" Serve it with SPOTTER_MODEL={out}"
    )


def main(argv: list[str] | None = None) -> int:
    return run(adopt, _arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
