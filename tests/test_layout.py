"""Rules for every module of ``app``: its length, and packages that it must not import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import REPOSITORY

APP = REPOSITORY / "app"
MODULES = sorted(APP.rglob("*.py"))
LONGEST = 250
ONLY_FOR_THE_KIT = {"torch", "onnx", "onnxscript", "pycocotools", "matplotlib"}
ONLY_WHERE_CALLED = {"boto3", "botocore", "pillow_heif", "pi_heif"}
"""Optional packages: an import at the top of a module would stop a server without them."""
FOREIGN_TO_VISION = {"fastapi", "starlette", "mangum", "uvicorn", "boto3", "botocore"}
ROOMS_FOR_VISION = ("app.vision", "app.errors")


def imported(path: Path) -> Iterator[str]:
    """Absolute names of everything that a module imports, at its top or in a function."""
    package = ".".join(path.relative_to(REPOSITORY).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_at_start(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def belongs(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.fixture(params=MODULES, ids=name_of)
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_no_module_is_long(module: Path) -> None:
    assert len(module.read_text().splitlines()) < LONGEST


def test_the_service_needs_nothing_of_the_kit(module: Path) -> None:
    for name in imported(module):
        assert not belongs(name, "models")
        assert not belongs(name, "tests")
        assert name.split(".")[0] not in ONLY_FOR_THE_KIT


def test_extras_are_imported_where_they_are_needed_only(module: Path) -> None:
    for name in imported_at_start(module):
        assert name.split(".")[0] not in ONLY_WHERE_CALLED


def test_vision_imports_no_other_room_but_errors(module: Path) -> None:
    if not module.is_relative_to(APP / "vision"):
        return
    for name in imported(module):
        assert not belongs(name, "app") or any(belongs(name, room) for room in ROOMS_FOR_VISION), (
            name
        )
        assert name.split(".")[0] not in FOREIGN_TO_VISION, name


def test_every_import_is_looked_at() -> None:
    """The check itself: relative, nested and aliased imports count."""
    path = APP / "vision" / "families" / "base.py"
    assert "app.vision.arrays" in set(imported(path))
    assert "app.vision.arrays.Array" in set(imported(path))
    assert belongs("app.http.routes.detect", "app.http")
    assert not belongs("app.https", "app.http")
