"""What weighs what in an unpacked function, and whether Lambda takes it."""

from collections import Counter
from pathlib import Path

LAMBDA_BYTES = 250 * 1024 * 1024
_SHARED_LIBRARIES = ".libs"


def weigh(folder: Path) -> "Counter[str]":
    """Bytes of each package; a package's bundled libraries count as its own."""
    names = {name.name.lower(): name.name for name in folder.iterdir()}
    bytes_of: Counter[str] = Counter()
    for file in folder.rglob("*"):
        if file.is_file():
            top = file.relative_to(folder).parts[0]
            name = "about packages" if top.endswith(".dist-info") else top
            name = name.removesuffix(_SHARED_LIBRARIES)
            bytes_of[names.get({"pillow": "pil"}.get(name, name).lower(), name)] += (
                file.stat().st_size
            )
    return bytes_of


def table(bytes_of: "Counter[str]", shown: int = 12) -> str:
    total = bytes_of.total()
    largest = bytes_of.most_common(shown)
    rest = total - sum(size for _, size in largest)
    rows = [*largest, ("all others", rest), ("together", total)]
    return "\n".join(f"{size / 1e6:8.1f} MB  {name}" for name, size in rows)


def complaint(bytes_of: "Counter[str]", model: int) -> str | None:
    """A line that says why it does not fit, where it does not."""
    total = bytes_of.total()
    if total <= LAMBDA_BYTES:
        return None
    room = (LAMBDA_BYTES - (total - model)) / 1e6
    return (
        f"Unpacked it takes {total / 1e6:.0f} MB and Lambda allows {LAMBDA_BYTES / 1e6:.0f} MB:"
        f" there is room for a model of {room:.0f} MB and this one has {model / 1e6:.0f} MB."
        " Deploy it as a container image: serverless-container.yml."
    )
