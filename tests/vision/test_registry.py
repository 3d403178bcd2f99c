"""A family is one module and one line: nothing else in the code knows a family by its name."""

import ast
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from app.vision import families
from models.common.labels import COCO
from tests.server import REPOSITORY
from tests.stand_ins import rewired

FOLDER = REPOSITORY / "app" / "vision" / "families"
PARTS = {
    "__init__",
    "base",
    "cell_grid",
    "distributions",
    "keypoint_columns",
    "levels",
    "mask_columns",
    "meanings",
    "objectness",
}
"""Modules that hold no family."""
ALSO_OTHER_NAMES = {"spotter", "end2end"}
"""The service's own name, and a key that the Ultralytics exporters write."""
RELEASES = REPOSITORY / "models" / "fetch" / "catalogue.py"
"""Says of each published file which family it is of."""


def test_every_module_is_a_family_under_its_own_name() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*families.NAMES, *PARTS}
    assert [family.name for family in families.every()] == list(families.NAMES)


def test_the_readme_lists_every_family() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    for family in families.every():
        assert f"| `{family.name}` | {family.models} | {family.layout} |" in readme


@pytest.mark.parametrize("room", ["app", "models"])
def test_no_other_module_names_a_family(room: str) -> None:
    names = set(families.NAMES) - ALSO_OTHER_NAMES
    for path in sorted((REPOSITORY / room).rglob("*.py")):
        if path != RELEASES:
            assert path.parent == FOLDER or names.isdisjoint(_texts(path)), path


def _texts(path: Path) -> set[object]:
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.value for node in tree if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("name", families.NAMES)
def test_what_is_exported_is_bound_again(name: str) -> None:
    """The exporter's names are those of an image, of the other inputs, then of the outputs."""
    family = families.get(name)
    image, *others = family.exported
    assert image == "images"
    assert family.feeds.keys() - family.optional_feeds <= set(others)
    assert set(others) - family.feeds.keys()


def test_the_families_of_ultralytics_are_those_with_tasks() -> None:
    tasks = {(family.name, task) for family in families.every() for task in family.tasks}
    assert tasks == {(name, task) for task, names in families.ULTRALYTICS.items() for name in names}


@pytest.fixture
def ultralytics_file(tmp_path: Path) -> Path:
    """A file with the keys that the Ultralytics exporter writes."""
    path = rewired.write(tmp_path / "net.onnx", "yolov8")
    model = onnx.load(path)
    names = str(dict(enumerate(COCO)))
    onnx.helper.set_model_props(model, {"names": names, "stride": "32", "task": "detect"})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("model", "most"),
    [("models/default.onnx", {"spotter"}), (None, set(families.ULTRALYTICS["detect"]))],
)
def test_a_start_imports_few_families(
    ultralytics_file: Path, model: str | None, most: set[str]
) -> None:
    """Those that the file may be of, and a module that two of them share."""
    path = REPOSITORY / model if model else ultralytics_file
    program = (
        "import sys; from pathlib import Path; from app.vision.model.load import load;"
        f"load(Path({str(path)!r}));"
        "print(*(name.rpartition('.')[2] for name in sys.modules if '.families.' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split()) - PARTS
    assert imported <= most | ({"box_rows"} if model is None else set())
