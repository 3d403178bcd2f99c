"""The bills of material that the command writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy import sbom
from deploy.locked import CONTAINER, on_linux, packages


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    assert sbom.main(["--out", str(folder)]) == 0
    return folder


def listed(file: Path) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(file.read_text())["components"]}


@pytest.mark.parametrize("name", ["container", "lambda"])
def test_it_is_valid_cyclonedx(written: Path, name: str) -> None:
    text = (written / f"sbom-{name}.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text)["metadata"]["component"]["name"] == "spotter"


def test_it_lists_what_is_locked_with_its_hashes(written: Path) -> None:
    found = listed(written / "sbom-container.json")
    locked = packages(CONTAINER, on_linux("3.13", "x86_64"))
    assert {name: entry["version"] for name, entry in found.items()} == {
        package.name: package.version for package in locked
    }
    for package in locked:
        (source,) = found[package.name]["externalReferences"]
        hashes = {f"sha256:{entry['content']}" for entry in source["hashes"]}
        assert hashes == set(package.hashes)
        assert found[package.name]["purl"] == f"pkg:pypi/{package.pin.replace('==', '@')}"


def test_the_zip_has_less_in_it(written: Path) -> None:
    zipped = listed(written / "sbom-lambda.json").keys()
    assert zipped < listed(written / "sbom-container.json").keys()
    assert not zipped & {"boto3", "uvicorn", "protobuf", "awslambdaric"}
