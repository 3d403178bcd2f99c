"""Cut a small dataset of a few labels out of a larger one."""

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

VAL_SHARE = 0.25

_SUMMARY = """\
Cut a dataset of a few labels out of a larger one: the photos that show any of them, with the boxes
of these alone. Some photos of every label are set aside for validation."""

_DETAILS = """
examples:
  python -m models.subset coco --labels toilet,sink --out bathroom
  python -m models.train bathroom --from models/default.onnx --out weights/bathroom.onnx
Both are folders with annotations.json in COCO form and images/. Photos are copied.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("subset", _SUMMARY, _DETAILS)
    options.add_argument("dataset", type=Path, help="folder of the larger one; it is only read")
    options.add_argument("--labels", required=True, help=f"to keep; {labels.HELP}")
    options.add_argument("--out", type=Path, required=True, help="folder to make")
    options.add_argument(
        "--val-share",
        type=_share,
        help=f"of the photos, for validation (as the dataset has it, else {VAL_SHARE})",
    )
    return options.parse_args(argv)


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"between 0 and 1: {text!r}")
    return value


def subset(arguments: argparse.Namespace) -> None:
    source, out = arguments.dataset, arguments.out
    require("tqdm")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError(f"{out} is there already; give another --out.")
    data = datasets.load(source)
    wanted = _spelt(labels.parse(arguments.labels), data.labels)
    document = _cut(json.loads((source / "annotations.json").read_text("utf-8")), wanted)
    _split(document, arguments.val_share)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / "set"
        _write(document, source, made)
        made.replace(out)
    _tell(document, out)


def _spelt(wanted: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """As the dataset spells them. Raises CommandError for one that it does not have."""
    spelling = {label.casefold(): label for label in known}
    found = []
    for label in wanted:
        key = label.casefold()
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
    """The same with ``wanted`` as its categories 1, 2, ...; entries keep their other fields."""
    new = {
        category["id"]: wanted.index(category["name"]) + 1
        for category in document["categories"]
        if category["name"] in wanted
    }
    annotations = [
        {**entry, "category_id": new[entry["category_id"]]}
        for entry in document.get("annotations", [])
        if entry["category_id"] in new
    ]
    shown = {entry["image_id"] for entry in annotations}
    return {
        **document,
        "categories": [{"id": index + 1, "name": label} for index, label in enumerate(wanted)],
        "images": [dict(entry) for entry in document["images"] if entry["id"] in shown],
        "annotations": annotations,
    }


def _split(document: dict[str, Any], share: float | None) -> None:
    """Say of each image what it is for; of every label there are photos in both parts.

    The rarest label chooses first; what it sets aside is evenly spread over its photos. Raises
    CommandError where there are too few photos for that.
    """
    images = {entry["id"]: entry for entry in document["images"]}
    showing: dict[int, list[Any]] = defaultdict(list)
    for image, category in dict.fromkeys(
        (entry["image_id"], entry["category_id"]) for entry in document["annotations"]
    ):
        showing[category].append(image)
    if share is not None or all(entry.get("split") != "val" for entry in images.values()):
        for image, part in _parts(showing.values(), share or VAL_SHARE).items():
            images[image]["split"] = part
    for category in document["categories"]:
        shown = [images[image].get("split") == "val" for image in showing[category["id"]]]
        if not any(shown) or all(shown):
            raise CommandError(
                f"The label '{category['name']}' is on {len(shown)} photos,"
                f" {sum(shown)} of them for validation: too few to learn from and to validate with"
                " (--val-share sets others aside)."
            )


def _parts(showing: Iterable[Sequence[Any]], share: float) -> dict[Any, str]:
    """What each image is for, from the images that show each label."""
    parts: dict[Any, str] = {}
    for shown in sorted(showing, key=len):
        due = max(1, round(len(shown) * share))
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
            raise CommandError(f"The photo {name} does not lie in the dataset's images/.")
        place = out / "images" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "images" / name, place)
    (out / "annotations.json").write_text(json.dumps(document), "utf-8")


def _tell(document: Mapping[str, Any], out: Path) -> None:
    splits = Counter(entry.get("split") for entry in document["images"])
    print(
        f"wrote {out}: {len(document['images'])} photos,"
        f" {splits['val']} of them for validation (split 'val')."
    )
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
