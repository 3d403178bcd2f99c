"""What is written for users agrees with the code."""

import hashlib
import re

import pytest

from app import __version__
from app.errors import PUBLIC_ERRORS
from app.settings import Settings
from tests.server import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def settings_table() -> dict[str, str]:
    """Variable to default, as the README has them."""
    rows = re.findall(r"^\| `SPOTTER_(\w+)` \| .+ \| (.+) \|$", README, re.MULTILINE)
    return {name.lower(): default for name, default in rows}


def test_every_setting_stands_in_the_readme_and_no_other() -> None:
    assert settings_table().keys() == Settings.model_fields.keys()


def test_numeric_defaults_in_the_readme_are_those_of_the_code() -> None:
    defaults = {
        name: field.default
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, int | float)
    }
    assert defaults
    for name, default in defaults.items():
        assert float(settings_table()[name]) == default, name


def test_every_error_code_stands_in_the_readme_with_its_status() -> None:
    for error in PUBLIC_ERRORS:
        row = next(line for line in README.splitlines() if f"`{error.__name__}`" in line)
        assert str(error.status) in row


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


@pytest.mark.parametrize("name", ["models/README.md", "models/CARD.md"])
def test_figures_of_the_shipped_model_are_of_the_file_that_is_shipped(name: str) -> None:
    """Who ships another one measures again, or says of which file the figures are."""
    digest = hashlib.sha256((REPOSITORY / "models" / "default.onnx").read_bytes()).hexdigest()
    told = re.findall(r"`([0-9a-f]{8}|[0-9a-f]{64})`", (REPOSITORY / name).read_text())
    assert told
    assert all(digest.startswith(one) for one in told)


def test_each_step_of_the_kit_has_its_size_in_the_readme() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for step in ("install", *re.findall(r"^(install-(?!test|kit)\w+):", makefile, re.MULTILINE)):
        assert re.search(rf"^\| `make {step}` \| .+ \| [\d,]+ MB \|$", README, re.MULTILINE), step


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_in_the_documents_exist(name: str) -> None:
    """``NAME`` stands for any module; paths are below the repository or below ``app``."""
    text = (REPOSITORY / name).read_text()
    paths = set(re.findall(r"`((?:[\w.]+/)+[\w.]+)`", text))
    assert paths
    roots = [REPOSITORY, REPOSITORY / "app", (REPOSITORY / name).parent]
    for path in paths:
        pattern = path.replace("NAME", "*")
        assert any(any(root.glob(pattern)) for root in roots), path


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("benchmarks/README.md", 1200),
        ("docs/architecture.md", 600),
        ("CONTRIBUTING.md", 600),
    ],
)
def test_documents_stay_short(name: str, most: int) -> None:
    assert len((REPOSITORY / name).read_text().split()) <= most
