"""Files of other exporters' forms, adopted by one command, against what is right on two photos.

    python -m tests.acceptance.exporters FOLDER [NAME ...]

prints a table of all files in FOLDER, which `../shared/families/make.py FOLDER` writes.
"""

import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import onnxruntime

from app.errors import StartError
from app.vision.detections import Options
from models import adopt
from models.common import checks
from tests.acceptance.matching import overlap
from tests.shared_data import SHARED

LEAST_OVERLAP = 0.8
LEAST_PROBABILITY = 0.5
"""Objects of the table under this are not required: a resizer moves scores by about 0.02."""
_IMAGENET = ["--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375"]
_LABELS = {
    "ultraface_rfb320": "face",
    "yunet_n_320": "face",
    "nanodet_m320": ",".join(f"class {number}" for number in range(26)),
}
_OF_TWO = re.compile(r"(gray|six|batch|irnew|opset|trt|names|task|obb|seg|world)_?")
"""Files of two constant classes, made for their refusals."""


_POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 24000000\n"
)


class Wanted(NamedTuple):
    label: str
    box: tuple[float, float, float, float]
    """x, y, width, height."""


@dataclass(frozen=True)
class Row:
    """One line of models.tsv."""

    file: str
    kind: str
    prepared: str
    right: str

    @property
    def wanted(self) -> dict[str, list[Wanted]]:
        """Objects by photo, as far as the table gives their boxes."""
        found = {}
        known = {"car": "vehicle", "bus": "vehicle", "truck": "vehicle", "bicycle": "vehicle"}
        for photo, text in re.findall(r"(bus|dog): (.*?)(?=; dog|$)", self.right):
            objects = list(_objects(text, self.file))
            if '"vehicle"' in self.right:  # its two classes
                objects = [
                    Wanted(known.get(label, label), box) for label, box in objects if label != "dog"
                ]
            found[photo] = objects
        return found

    @property
    def options(self) -> list[str]:
        """The options of adopt that the table's preparation means."""
        text = self.prepared
        usual = "a,b" if _OF_TWO.match(self.file) else "coco"
        found = ["--labels", _LABELS.get(Path(self.file).stem, usual)]
        for word, fit in (("stretch", "stretch"), ("letterbox", "letterbox"), ("corner", "corner")):
            if text.startswith(word):
                found += ["--fit", fit]
        if "BGR" in text or "RGB" in text:
            found += ["--channels", "bgr" if "BGR" in text else "rgb"]
        if "0..255" in text:
            found += ["--mean", "0", "--std", "1"]
        elif "0..1" in text:
            found += ["--mean", "0", "--std", "255"]
        elif "ImageNet" in text:
            found += _IMAGENET
        elif "(x-127)/128" in text:
            found += ["--mean", "127", "--std", "128"]
        sides = re.match(r"(?:stretch|letterbox|corner) (\d+)(?:x(\d+))?", text)
        if sides and "dyn" in self.file:
            found += ["--size", f"{sides[2] or sides[1]}x{sides[1]}"]
        return found


def _objects(text: str, file: str) -> list[Wanted]:
    found, label = [], ""
    for name, score, corners in re.findall(
        r"([a-z][a-z ]*?)? ?(\.\d{2}) ?\[([\d,]+)\]", re.sub(r"\(.*", "", text)
    ):
        label = name.strip() or label
        x1, y1, x2, y2 = (float(value) for value in corners.split(","))
        if float(score) >= LEAST_PROBABILITY or file.startswith("hf_"):
            found.append(Wanted(label, (x1, y1, x2 - x1, y2 - y1)))
    return found


def rows(table: Path) -> dict[str, Row]:
    lines = [line.split("\t") for line in table.read_text("utf-8").splitlines()[1:]]
    return {line[0]: Row(line[0], line[3], line[6], line[7]) for line in lines if len(line) == 8}


class Result(NamedTuple):
    command: str
    """The options of adopt, or ``-`` if the file was served as it is."""
    verdict: str
    """``served``, ``refused`` or ``wrong``."""
    told: str


def judge(file: Path, row: Row, photos: Path, *, bare: bool = False) -> Result:
    """``bare`` adopts with the labels only, so that the input has to be found out."""
    try:
        checks.detector(file)
        return _compare(file, row, photos, "-")
    except StartError as error:
        refusal = str(error)
    options = row.options[:2] if bare else row.options
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / file.name
        said, wrong = StringIO(), StringIO()
        with redirect_stdout(said), redirect_stderr(wrong):
            code = adopt.main([str(file), *options, "--out", str(out)])
        if code:
            told = wrong.getvalue().strip() or refusal
            return Result(" ".join(options), "refused", told)
        return _compare(out, row, photos, " ".join(options))


def _compare(file: Path, row: Row, photos: Path, command: str) -> Result:
    detector = checks.detector(file)
    missing = []
    for photo, wanted in row.wanted.items():
        data = (photos / f"{photo}.jpg").read_bytes()
        found = detector.detect(data, Options(confidence=0.25)).items
        for label, box in wanted:
            near = [item for item in found if overlap(item.box, box) >= LEAST_OVERLAP]
            if not any(item.label == label for item in near):
                missing.append(f"{photo}: {label} {box}")
        sure = [item for item in found if item.probability > LEAST_PROBABILITY]
        if re.search(rf"{photo}: none", row.right) and sure:
            missing.append(f"{photo}: {sure[0].label} found")
    described = detector.model.description
    told = f"{described.family}" + (f" ({described.output})" if described.output else "")
    return Result(command, "wrong" if missing else "served", "; ".join([told, *missing]))


def source_row(name: str, table: dict[str, Row]) -> Row | None:
    """The row of a file; of one without a row, that of the file that it was made like."""
    if name in table:
        return table[name]
    likely = {"deim_": "deim_int32sizes", "e2e_": "e2e_normalised", "tf_": "tf_ssd"}
    likely |= {"v8_": "v8_transposed", "yolov7_raw": "yolov6", "yolov10_": "yolov10_1class_82"}
    likely |= {"hf_": "hf_rtdetr_sigmoid_dyn", "lbs": "mmdet", "ext.": "yolox_nano"}
    for start, like in likely.items():
        if name.startswith(start) and f"{like}.onnx" in table:
            like_row = table[f"{like}.onnx"]
            return Row(name, like_row.kind, like_row.prepared, like_row.right)
    return None


def prepare(folder: Path) -> None:
    """Writes the files of the table that make.py does not write."""
    (folder / "lfs_pointer.onnx").write_text(_POINTER)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "v8_names_list.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(
        str(folder / "v8_names_list.onnx"), options, providers=["CPUExecutionProvider"]
    )


def main(folder: Path, names: list[str]) -> None:
    shared = SHARED
    table = rows(shared / "families" / "models.tsv")
    prepare(folder)
    files = sorted({path.name for path in folder.iterdir()} | set(table))
    tell = sys.stdout.write
    tell("| file | command | result |\n| --- | --- | --- |\n")
    for name in files:
        if names and Path(name).stem not in names:
            continue
        if name.endswith((".data",)) or name.startswith("#"):
            continue
        file = folder / name if (folder / name).exists() else shared / "families" / name
        if not file.exists():
            tell(f"| {name} | | not there |\n")
            continue
        row = source_row(name, table) or Row(name, "", "", "")
        for bare in (False, True):
            found = judge(file, row, shared / "models", bare=bare)
            told = " ".join(found.told.split()).replace(str(file.parent), "")
            tell(f"| {name} | {found.command} | {found.verdict}: {told} |\n")
            if found.command == "-" or len(row.options) == 2:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
