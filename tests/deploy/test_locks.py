"""deploy/locks agree with pyproject.toml, with each other, and are made by the command."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy import locked, relock
from deploy.locked import CONTAINER, LOCKS, OPENVINO, NotLocked, Package, on_linux, packages, parts
from deploy.wheels import InstallFailed, install, zipped

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def read(part: str) -> list[Package]:
    return list(locked.read(LOCKS / f"{part}.txt"))


def test_there_is_a_lock_for_each_part_and_no_other() -> None:
    assert {path.name for path in LOCKS.iterdir()} == {f"{part}.txt" for part in parts()}
    assert {*CONTAINER, OPENVINO} == set(parts())


@pytest.mark.parametrize("part", parts())
def test_a_lock_is_of_what_the_project_asks_for(part: str) -> None:
    """Else: make lock."""
    wanted = parts()[part]
    assert locked.made_of(LOCKS / f"{part}.txt") == wanted
    versions = {package.name: package.version for package in read(part)}
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[requirement.name]), requirement.name


@pytest.mark.parametrize("part", parts())
def test_every_version_has_its_hashes_and_nothing_says_where_from(part: str) -> None:
    text = (LOCKS / f"{part}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    listed = read(part)
    assert len(re.findall(r"^[a-z]", text, re.MULTILINE)) == len(listed)
    for package in listed:
        assert package.hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in package.hashes)


def test_all_locks_together_hold_one_version_of_a_package() -> None:
    pins: dict[str, Package] = {}
    for part in parts():
        for package in read(part):
            assert pins.setdefault(package.name, package) == package


@pytest.mark.parametrize("python", PYTHONS)
def test_the_zip_holds_what_lambda_lacks(python: str) -> None:
    names = {package.name for package in zipped("arm64", python)}
    assert {"fastapi", "mangum", "numpy", "onnxruntime", "pillow"} <= names
    assert not names & {"boto3", "botocore", "uvicorn", "h11", "protobuf", "colorama"}
    assert {p.name for p in zipped("arm64", python, ("heif",))} - names == {"pi-heif"}


def test_what_reads_the_locks_comes_with_the_service() -> None:
    """deploy.locked imports it; ``make lambda-zip`` installs nothing beside the service."""
    assert "packaging" in {package.name for package in read("common")}


def test_markers_are_those_of_the_machine_that_is_built_for(tmp_path: Path) -> None:
    digest = "sha256:" + "0" * 64
    lines = ["all==1", "win==1 ; sys_platform == 'win32'", "old==1 ; python_full_version < '3.12'"]
    (tmp_path / "common.txt").write_text(
        "# a\n# b\n" + "".join(f"{line} \\\n    --hash={digest}\n" for line in lines)
    )

    def names(python: str) -> list[str]:
        environment = on_linux(python, "aarch64")
        return [package.name for package in packages(["common"], environment, tmp_path)]

    assert names("3.11") == ["all", "old"]
    assert names("3.13") == ["all"]
    (package,) = packages(["common"], on_linux("3.13", "x86_64"), tmp_path)
    assert package.line == f"all==1 --hash={digest}"


def test_an_extra_that_is_not_locked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotLocked, match="no lock for 'train'; there are aws, common, heif"):
        packages(["common", "train"])
    with pytest.raises(InstallFailed, match="no lock for 'train'"):
        install(tmp_path, "arm64", "3.13", ("train",))


def test_the_command_locks_each_part_and_keeps_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    for name, version in (("one", "1.0"), ("two", "1.0"), ("uvicorn", "1.0")):
        _wheel(index, name, version, ["two"] if name == "one" else [])
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["one>=1", "uvicorn"]\n'
        'optional-dependencies = {heif = ["two"], test = ["missing"]}\n'
    )

    def pins(*arguments: str) -> dict[str, list[str]]:
        assert relock.main(["--project", str(tmp_path), *arguments]) == 0, capsys.readouterr()
        return {
            path.stem: [package.pin for package in locked.read(path)]
            for path in sorted((tmp_path / "deploy" / "locks").iterdir())
        }

    first = {"common": ["one==1.0", "two==1.0"], "heif": ["two==1.0"], "server": ["uvicorn==1.0"]}
    assert pins() == first
    common = tmp_path / "deploy" / "locks" / "common.txt"
    assert locked.made_of(common) == ["one>=1"]
    (one, _) = locked.read(common)
    wheel = next(index.glob("one-*"))
    assert one.hashes == (f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}",)
    before = common.read_text()
    _wheel(index, "two", "2.0", [])
    assert pins() == first
    assert common.read_text() == before
    assert pins("--upgrade") == {**first, "common": ["one==1.0", "two==2.0"], "heif": ["two==2.0"]}


def test_what_cannot_be_resolved_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nrequires-python = ">=3.11"\ndependencies = ["missing-package"]\n'
    )
    assert relock.main(["--project", str(tmp_path)]) != 0
    assert "missing-package" in capfd.readouterr().err


def test_another_file_than_the_locked_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    _wheel(index, "one", "1.0", [])
    locks = tmp_path / "locks"
    locks.mkdir()
    (locks / "common.txt").write_text("one==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(
        "deploy.wheels.packages", lambda names, environment: packages(names, environment, locks)
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(InstallFailed, match="DO NOT MATCH THE HASHES"):
        install(tmp_path / "out", "x86_64", "3.13")


def _wheel(folder: Path, name: str, version: str, needs: list[str]) -> None:
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": "",
        f"{about}/METADATA": metadata + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{about}/RECORD", record + f"{about}/RECORD,,\n")


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
