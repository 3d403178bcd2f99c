"""Imports follow the arrows of docs/architecture.md.

A room is a folder or a module of ``app``, or the kit ``models``. A room may import each room that
its arrows lead to, directly or through others.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.server import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "architecture.md").read_text()
KIT = "models"

Arrow = tuple[str, str]


def drawn() -> set[Arrow]:
    picture = DOCUMENT.partition("```mermaid")[2].partition("```")[0]
    return set(re.findall(r"^  (\w+)(?:\[[^\]]*\])? --> (\w+)", picture, re.MULTILINE))


def rooms() -> set[str]:
    """The rooms that have Python modules."""
    app = REPOSITORY / "app"
    folders = {path.relative_to(app).parts[0] for path in app.glob("*/**/*.py")}
    modules = {path.stem for path in app.glob("*.py")} - {"__init__"}
    return folders | modules | {KIT}


def room_of(dotted: str) -> str | None:
    """The room of a dotted name; None for other packages and for ``app`` itself."""
    top, _, rest = dotted.partition(".")
    if top == KIT:
        return KIT
    name = rest.partition(".")[0]
    return name if top == "app" and name not in {"", "__init__", "__version__"} else None


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def actual() -> dict[Arrow, str]:
    """Imports from one room to another, each with a module that has it."""
    found = {}
    for top in ("app", KIT):
        for file in (REPOSITORY / top).rglob("*.py"):
            path = file.relative_to(REPOSITORY)
            source = room_of(".".join(path.with_suffix("").parts))
            for target in map(room_of, imported(file)):
                if source and target and source != target:
                    found[source, target] = str(path)
    return found


def below(arrows: Iterable[Arrow]) -> Mapping[str, set[str]]:
    """For each room, all rooms that its arrows lead to."""
    targets = defaultdict(set)
    for source, target in arrows:
        targets[source].add(target)
    reached: dict[str, set[str]] = {}
    for room in list(targets):
        reached[room] = set()
        waiting = [room]
        while waiting:
            new = targets[waiting.pop()] - reached[room]
            reached[room] |= new
            waiting += new
    return defaultdict(set, reached)


def test_every_room_is_drawn_and_no_other() -> None:
    assert {room for arrow in drawn() for room in arrow} == rooms()


def test_imports_follow_the_arrows() -> None:
    allowed = below(drawn())
    against = {arrow: file for arrow, file in actual().items() if arrow[1] not in allowed[arrow[0]]}
    assert not against


def test_every_arrow_is_an_import() -> None:
    assert drawn() <= actual().keys()


def test_no_arrow_leads_back() -> None:
    circles = [room for room, reached in below(drawn()).items() if room in reached]
    assert not circles


def test_circles_and_detours_are_seen() -> None:
    """The check itself."""
    assert below([("a", "b"), ("b", "c")])["a"] == {"b", "c"}
    assert "a" in below([("a", "b"), ("b", "a")])["a"]
    assert room_of("app.http.routes.detect") == "http"
    assert room_of("app.main") == "main"
    assert room_of("models.common.checks") == KIT
    assert room_of("numpy.linalg") is room_of("app.__version__") is None


def test_no_arrows_follow_each_other_over_more_than_five_rooms() -> None:
    reached = below(drawn())

    def floor(room: str) -> int:
        return 1 + max(map(floor, reached[room]), default=0)

    assert max(map(floor, rooms())) <= 5
