"""Sizes of the packages in an unpacked function, compared with Lambda's limit."""

from collections import Counter
from pathlib import Path

LAMBDA_BYTES = 250 * 1024 * 1024
_SHARED_LIBRARIES = ".libs"


def measure(folder: Path) -> "Counter[str]":
    """Bytes of each package, with its bundled libraries."""
    names = {name.name.lower(): name.name for name in folder.iterdir()}
    sizes: Counter[str] = Counter()
    for file in folder.rglob("*"):
        if file.is_file():
            top = file.relative_to(folder).parts[0]
            name = "about packages" if top.endswith(".dist-info") else top
            name = name.removesuffix(_SHARED_LIBRARIES)
            sizes[names.get({"pillow": "pil"}.get(name, name).lower(), name)] += file.stat().st_size
    return sizes


def table(sizes: "Counter[str]", shown: int = 12) -> str:
    total = sizes.total()
    largest = sizes.most_common(shown)
    rest = total - sum(size for _, size in largest)
    rows = [*largest, ("all others", rest), ("together", total)]
    return "\n".join(f"{size / 1e6:8.1f} MB  {name}" for name, size in rows)


def too_large(sizes: "Counter[str]", model: int) -> str | None:
    """A line for the user if the function is too large for Lambda, else None.

    ``model`` is the size of the model in bytes.
    """
    total = sizes.total()
    if total <= LAMBDA_BYTES:
        return None
    room = (LAMBDA_BYTES - (total - model)) / 1e6
    return (
        f"Unpacked it has {total / 1e6:.0f} MB, but Lambda allows {LAMBDA_BYTES / 1e6:.0f} MB:"
        f" there is room for a model of {room:.0f} MB, and this one has {model / 1e6:.0f} MB."
        " Deploy it as a container image: serverless-container.yml."
    )
