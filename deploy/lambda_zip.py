"""``python -m deploy.lambda_zip``: builds dist/lambda-ARCHITECTURE.zip for Lambda."""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy import package_sizes
from deploy.archive import write_zip
from deploy.bytecode import compile_all
from deploy.locked import ROOT
from deploy.trim import trim
from deploy.wheels import InstallFailed, install

ARCHITECTURES = ("arm64", "x86_64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_MODEL = ROOT / "models" / "default.onnx"


@dataclass(frozen=True)
class Plan:
    architecture: str
    python: str
    model: Path
    extras: tuple[str, ...]
    out: Path
    interpreter: str | None = None


def main(arguments: list[str] | None = None) -> int:
    plan = _parse(arguments)
    if not plan.model.is_file():
        print(f"lambda-zip: the model {plan.model} does not exist", file=sys.stderr)
        return 1
    try:
        build(plan)
    except InstallFailed as error:
        print(f"lambda-zip: {error}", file=sys.stderr)
        return 1
    return 0 if plan.out.exists() else 1


def build(plan: Plan) -> None:
    plan.out.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(f"Python {plan.python} on {plan.architecture}: fetching packages", flush=True)
        install(folder, plan.architecture, plan.python, plan.extras)
        trim(folder)
        _copy_own(folder, plan.model)
        if not compile_all(folder, plan.python, plan.interpreter):
            print(
                f"There is no python{plan.python} to compile with (set --interpreter PATH)."
                " Every cold start will compile and take seconds longer."
            )
        sizes = package_sizes.measure(folder)
        print(package_sizes.table(sizes))
        problem = package_sizes.too_large(sizes, plan.model.stat().st_size)
        if problem:
            print(f"lambda-zip: {problem}", file=sys.stderr)
            return
        write_zip(folder, plan.out)
    print(f"{plan.out.stat().st_size / 1e6:8.1f} MB  {plan.out}")


def _copy_own(folder: Path, model: Path) -> None:
    shutil.copytree(ROOT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "LICENSE", folder)
    (folder / "models").mkdir()
    shutil.copy(model, folder / "models" / "default.onnx")


def _parse(arguments: list[str] | None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m deploy.lambda_zip", description=__doc__)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")
    parser.add_argument("--python", choices=PYTHONS, default="3.13")
    parser.add_argument("--model", type=Path, default=_MODEL, help="the ONNX file to serve")
    parser.add_argument("--extras", default="", help="comma-separated, such as heif")
    parser.add_argument("--interpreter", help="path of a Python of that version, to compile with")
    parser.add_argument("--out", type=Path, help="file to write (dist/lambda-ARCHITECTURE.zip)")
    given = parser.parse_args(arguments)
    extras = tuple(name for name in given.extras.split(",") if name)
    out = given.out or ROOT / "dist" / f"lambda-{given.architecture}.zip"
    return Plan(given.architecture, given.python, given.model, extras, out, given.interpreter)


if __name__ == "__main__":
    sys.exit(main())
