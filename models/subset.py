"""Makes a smaller dataset with a few labels of a larger one."""

import argparse
import difflib
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from models.common import datasets, labels
from models.common.commands import CommandError, parser, require, run
from models.common.option_types import share
from models.common.splits import part_of

VAL_SHARE = 0.25

_SUMMARY = """\
Make a smaller dataset with a few of the labels of a larger one. It has the photos that show any of
them, with the boxes of these labels only. Some photos of every label are kept for validation."""

_DETAILS = """
examples:
  python -m models.subset coco --labels toilet,sink --out bathroom
  python -m models.train bathroom --from models/default.onnx --out weights/bathroom.onnx
A dataset is a folder with annotations.json in COCO format and images/. Photos are copied.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("subset", _SUMMARY, _DETAILS)
    options.add_argument("dataset", type=Path, help="folder of the larger dataset; it is only read")
    options.add_argument("--labels", required=True, help=f"labels to keep; {labels.HELP}")
    options.add_argument("--out", type=Path, required=True, help="folder to make")
    options.add_argument(
        "--val-share",
        type=_between,
        help=f"share of the photos for validation (the dataset's own split, else {VAL_SHARE})",
    )
    return options.parse_args(argv)


def _between(text: str) -> float:
    value = share(text)
    if value in (0, 1):
        raise argparse.ArgumentTypeError(f"must be between 0 and 1: {text!r}")
    return value


def subset(arguments: argparse.Namespace) -> None:
    source, out = arguments.dataset, arguments.out
    require("tqdm")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError(f"{out} already exists; give another --out.")
    data = datasets.load(source)
    wanted = _as_spelled(labels.parse(arguments.labels), data.labels)
    document = _cut(json.loads((source / "annotations.json").read_text("utf-8")), wanted)
    _split(document, arguments.val_share)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / "set"
        _write(document, source, made)
        made.replace(out)
    _print(document, out)


def _as_spelled(wanted: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Labels in the dataset's spelling. Raises CommandError for unknown or repeated ones."""
    spelling = {labels.fold(label): label for label in known}
    found = []
    for label in wanted:
        key = labels.fold(label)
        if key not in spelling:
            near = difflib.get_close_matches(key, spelling, 3)
            hint = f" Near it: {', '.join(spelling[name] for name in near)}." if near else ""
            raise CommandError(f"The dataset has no label '{label}'.{hint}")
        found.append(spelling[key])
    twice = [label for label, count in Counter(found).items() if count > 1]
    if twice:
        raise CommandError(f"The label '{twice[0]}' is given twice.")
    return tuple(found)


def _cut(document: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The document with ``wanted`` as categories 1, 2, ...; entries keep their other fields.

    Annotations of images that are not listed are left out.
    """
    new = {
        category["id"]: wanted.index(category["name"]) + 1
        for category in document["categories"]
        if category["name"] in wanted
    }
    listed = {entry["id"] for entry in document["images"]}
    annotations = [
        {**entry, "category_id": new[entry["category_id"]]}
        for entry in document.get("annotations", [])
        if entry["category_id"] in new and entry["image_id"] in listed
    ]
    shown = {entry["image_id"] for entry in annotations}
    return {
        **document,
        "categories": [{"id": index + 1, "name": label} for index, label in enumerate(wanted)],
        "images": [dict(entry) for entry in document["images"] if entry["id"] in shown],
        "annotations": annotations,
    }


def _split(document: dict[str, Any], val_share: float | None) -> None:
    """Writes "train" or "val" into each image, so that every label is in both parts.

    Photos are assigned from the rarest label on; validation photos are spread evenly. Raises
    CommandError if a label has too few photos.
    """
    images = {entry["id"]: entry for entry in document["images"]}
    showing: dict[int, list[Any]] = defaultdict(list)
    for image, category in dict.fromkeys(
        (entry["image_id"], entry["category_id"]) for entry in document["annotations"]
    ):
        showing[category].append(image)
    if val_share is not None or all(
        part_of(entry.get("split")) != "val" for entry in images.values()
    ):
        for image, part in _parts(showing.values(), val_share or VAL_SHARE).items():
            images[image]["split"] = part
    for category in document["categories"]:
        shown = [part_of(images[image].get("split")) == "val" for image in showing[category["id"]]]
        if not any(shown) or all(shown):
            raise CommandError(
                f"The label '{category['name']}' is on {len(shown)} photos,"
                f" {sum(shown)} of them for validation: too few to train and validate with"
                " (--val-share chooses others)."
            )


def _parts(showing: Iterable[Sequence[Any]], val_share: float) -> dict[Any, str]:
    """Maps each image to its part, "train" or "val"; ``showing`` has the images of each label."""
    parts: dict[Any, str] = {}
    for shown in sorted(showing, key=len):
        due = max(1, round(len(shown) * val_share))
        due -= sum(parts.get(image) == "val" for image in shown)
        free = [image for image in shown if image not in parts]
        chosen = {free[(2 * k + 1) * len(free) // (2 * due)] for k in range(min(due, len(free)))}
        parts |= {image: "val" if image in chosen else "train" for image in free}
    return parts


def _write(document: Mapping[str, Any], source: Path, out: Path) -> None:
    from tqdm import tqdm

    for entry in tqdm(document["images"], desc="copy photos", unit="photo", disable=None):
        name = PurePosixPath(entry["file_name"])
        if name.is_absolute() or ".." in name.parts:
            raise CommandError(f"The photo {name} is not inside the dataset's images/.")
        place = out / "images" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "images" / name, place)
    (out / "annotations.json").write_text(json.dumps(document), "utf-8")


def _print(document: Mapping[str, Any], out: Path) -> None:
    splits = Counter(part_of(entry.get("split")) for entry in document["images"])
    print(f"wrote {out}: {len(document['images'])} photos, {splits['val']} of them for validation.")
    boxes = Counter(entry["category_id"] for entry in document["annotations"])
    photos = Counter(
        category
        for _, category in {
            (entry["image_id"], entry["category_id"]) for entry in document["annotations"]
        }
    )
    for category in document["categories"]:
        number = category["id"]
        print(f"  {category['name']}: {boxes[number]} boxes on {photos[number]} photos")


def main(argv: list[str] | None = None) -> int:
    return run(subset, _arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
