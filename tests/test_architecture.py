"""Imports run as docs/architecture.md draws them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.server import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "architecture.md").read_text()
COMMON = "common"
KIT = "kit"

Edge = tuple[str, str]


def boxes() -> dict[str, str]:
    """The box of each module of ``app``, as the table has them."""
    rows = re.findall(r"^\| (\w+) \| ((?:`\w+`(?:, )?)+) \|", DOCUMENT, re.MULTILINE)
    return {module: box for box, modules in rows for module in re.findall(r"`(\w+)`", modules)}


def drawn() -> set[Edge]:
    return set(re.findall(r"^  (\w+)(?:\[[^\]]*\])? --> (\w+)", DOCUMENT, re.MULTILINE))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def box_of(name: str) -> str | None:
    """Of a dotted name; None for what is not ours, or the package itself."""
    top, _, rest = name.partition(".")
    if top == "models":
        return KIT
    return boxes()[rest.partition(".")[0]] if top == "app" and rest != "__version__" else None


def actual() -> set[Edge]:
    edges = set()
    for top in ("app", "models"):
        for file in (REPOSITORY / top).rglob("*.py"):
            dotted = ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
            if dotted == "app.__init__":
                continue
            source = box_of(dotted)
            targets = {box_of(name) for name in imported(file)} - {None, source}
            edges |= {(str(source), str(target)) for target in targets}
    return edges


def test_every_module_has_its_box() -> None:
    modules = {
        path.stem
        for path in (REPOSITORY / "app").iterdir()
        if path.name not in {"__init__.py", "__pycache__"}
    }
    assert boxes().keys() == modules


def test_imports_run_as_drawn() -> None:
    assert {edge for edge in actual() if edge[1] != COMMON} == drawn()


def test_none_runs_back() -> None:
    edges = drawn()
    while edges:
        ends = {target for _, target in edges} - {source for source, _ in edges}
        assert ends, f"in a circle: {edges}"
        edges = {edge for edge in edges if edge[1] not in ends}
