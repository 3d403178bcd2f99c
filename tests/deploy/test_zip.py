"""Parts of the zip builder; tests/aws builds and runs a whole zip."""

import zipfile
from pathlib import Path

import pytest

from deploy import lambda_zip, package_sizes
from deploy.archive import write_zip
from deploy.bytecode import compile_all
from deploy.trim import trim
from tests.aws.runtime import Deployed

MB = 1_000_000


def test_what_serving_never_opens_is_left_away(tmp_path: Path) -> None:
    kept = ["numpy/_core/numeric.py", "onnxruntime/capi/_pybind_state.py", "app/main.py"]
    gone = [
        "numpy/tests/test_all.py",
        "numpy/_core/include/numpy/arrayobject.h",
        "onnxruntime/quantization/calibrate.py",
        "onnxruntime/capi/libonnxruntime.so.1.0",
        "starlette/types.pyi",
        "bin/fastapi",
    ]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    trim(tmp_path)
    found = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file())
    assert found == sorted(kept)
    assert not (tmp_path / "bin").exists()


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("x = 1\n")
    zips = []
    for name in ("one.zip", "two.zip"):
        write_zip(folder, tmp_path / name)
        zips.append((tmp_path / name).read_bytes())
        (folder / "app" / "main.py").touch()
    assert zips[0] == zips[1]
    (entry,) = zipfile.ZipFile(tmp_path / "one.zip").infolist()
    assert entry.external_attr >> 16 == 0o100644


def test_packages_are_weighed_with_their_libraries(tmp_path: Path) -> None:
    for name, size in (("numpy/a.so", 2 * MB), ("numpy.libs/b.so", MB), ("models/m.onnx", MB)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    sizes = package_sizes.measure(tmp_path)
    assert sizes == {"numpy": 3 * MB, "models": MB}
    assert package_sizes.table(sizes).splitlines()[0].split() == ["3.0", "MB", "numpy"]
    assert package_sizes.table(sizes).splitlines()[-1].split() == ["4.0", "MB", "together"]


def test_a_model_that_does_not_fit_is_told_what_would(tmp_path: Path) -> None:
    sizes = package_sizes.measure(tmp_path)
    sizes.update({"numpy": 130 * MB, "models": 200 * MB})
    problem = package_sizes.too_large(sizes, 200 * MB)
    assert problem is not None
    assert "room for a model of 132 MB, and this one has 200 MB" in problem
    assert "serverless-container.yml" in problem
    sizes["models"] = 100 * MB
    assert package_sizes.too_large(sizes, 100 * MB) is None


def test_bytecode_of_another_python_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    assert not compile_all(tmp_path, "3.99")
    assert list(tmp_path.iterdir()) == [tmp_path / "module.py"]


def test_without_its_model_nothing_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lambda_zip.main(["--model", str(tmp_path / "none.onnx")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_whole_is_well_below_what_lambda_allows(deployed: Deployed) -> None:
    sizes = package_sizes.measure(deployed.root)
    assert sizes.total() < 200 * MB
    assert "uvicorn" not in sizes
    assert list(deployed.root.rglob("*.pyc")) != []
