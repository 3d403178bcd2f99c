"""Checks that a file matches its description."""

from app.errors import StartError
from app.vision import families
from app.vision.description import Description
from app.vision.families.base import Family
from app.vision.model.signature import Signature


def outputs_of(description: Description, family: Family, signature: Signature) -> list[str]:
    """The outputs that the family's decoder takes.

    Raises StartError if the file does not match its description.
    """
    classes = len(description.labels)
    if description.shapes is not None:
        if description.shapes.keys() != signature.declared.keys():
            raise StartError("its metadata gives shapes for outputs that it does not have")
        signature = signature._replace(declared=description.shapes)
    outputs = family.bind(signature.declared, classes)
    if outputs is None:
        raise StartError(
            f"its outputs {[list(shape) for shape in signature.declared.values()]} are not those"
            f" of the family {family.name} with {classes} labels, {family.layout}"
        )
    if not family.can_feed(signature.others):
        name = next(iter(family.feeds.keys() ^ set(signature.others)))
        owners = [other.name for other in families.every() if name in other.feeds]
        raise StartError(f"the input '{name}' belongs to the family {', '.join(owners)}")
    _check_columns(description, family, signature)
    meaning, fits = description.output, family.spec_fits
    if meaning and fits and not fits(signature.declared, classes, meaning):
        raise StartError(
            f"its outputs {[list(shape) for shape in signature.declared.values()]} do not match"
            f" its metadata: {meaning}"
        )
    spec = description.input
    if signature.takes_bytes and (spec.mean, spec.std) != ((0, 0, 0), (1, 1, 1)):
        raise StartError("its input is tensor(uint8): adopt it with --mean 0 --std 1")
    size = tuple(signature.shape[2:])
    if not signature.dynamic and size != description.input.size:
        raise StartError(
            f"its metadata has the input size {description.input.size}, but its axes are {size}"
        )
    return outputs


def _check_columns(description: Description, family: Family, signature: Signature) -> None:
    """Raises StartError if the file's number of classes differs from the description's."""
    columns = family.columns(signature.declared) if family.columns else None
    if columns is None:
        return
    spec = description.output
    numbers = spec.numbers if spec else None
    labels = len(description.labels)
    if numbers is not None and (len(numbers) != labels or max(numbers, default=0) >= columns):
        raise StartError(f"its {labels} labels do not fit the {columns} class columns")
    if numbers is None and columns != labels:
        raise StartError(f"it has {columns} class columns, but {labels} labels")
