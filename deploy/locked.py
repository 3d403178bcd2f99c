"""Reads the locks in deploy/locks: versions and hashes of the packages of a deployment.

Each part has a lock, and the versions of all locks agree: ``common`` for every deployment,
``server`` for packages that Lambda does not need, one for each extra that can be deployed, and
``openvino`` for the build of ONNX Runtime that a container can have in place of the ordinary one.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "deploy" / "locks"
EXTRAS = ("aws", "heif", "lambda", "tracing")
CONTAINER = ("common", "server", *EXTRAS)
OPENVINO = "openvino"
_SERVER = {"uvicorn"}  # on Lambda the runtime client takes its place
_OF = "# Of: "


class NotLocked(Exception):
    """A part has no lock."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    marker: str
    """An environment marker; empty if the package is needed everywhere."""
    hashes: tuple[str, ...]

    @property
    def pin(self) -> str:
        return f"{self.name}=={self.version}"

    @property
    def line(self) -> str:
        """A line for ``pip install --require-hashes``, without the marker."""
        return " ".join([self.pin, *(f"--hash={digest}" for digest in self.hashes)])


def parts(project: Path = ROOT) -> dict[str, list[str]]:
    """Requirements in pyproject.toml by part."""
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    listed: dict[str, list[str]] = {"common": [], "server": []}
    for line in table["dependencies"]:
        listed["server" if Requirement(line).name in _SERVER else "common"].append(line)
    optional = table.get("optional-dependencies", {})
    return listed | {name: optional[name] for name in (*EXTRAS, OPENVINO) if name in optional}


def header(requirements: Iterable[str]) -> str:
    """First lines of a lock, with its requirements, so that a test notices an outdated lock."""
    return f"# Made by: make lock\n{_OF}{', '.join(requirements)}\n"


def made_of(lock: Path) -> list[str]:
    """The requirements that a lock was made from."""
    line = lock.read_text().splitlines()[1]
    return line.removeprefix(_OF).split(", ")


def read(lock: Path) -> Iterator[Package]:
    joined = lock.read_text().replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("#") or "==" not in line:
            continue
        wanted, *hashes = re.split(r"\s+--hash=", line.strip())
        pin, _, marker = wanted.partition(" ; ")
        name, _, version = pin.partition("==")
        yield Package(name, version, marker.strip(), tuple(hashes))


def packages(
    names: Iterable[str], environment: Mapping[str, str] | None = None, locks: Path = LOCKS
) -> list[Package]:
    """Packages of the parts ``names`` in an environment (default: this one), each once.

    Raises NotLocked if a part has no lock.
    """
    found: dict[str, Package] = {}
    for name in names:
        lock = locks / f"{name}.txt"
        if not lock.is_file():
            raise NotLocked(f"There is no lock for {name!r}; there are {', '.join(_known(locks))}.")
        for package in read(lock):
            if not package.marker or Marker(package.marker).evaluate(environment or _here()):
                found[package.name] = package
    return sorted(found.values(), key=lambda package: package.name)


def on_linux(python: str, machine: str) -> dict[str, str]:
    """Marker environment of CPython ``python`` (such as 3.13) on ``machine`` (such as aarch64)."""
    environment = _here()
    environment |= {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    return environment


def _here() -> dict[str, str]:
    return {name: str(value) for name, value in default_environment().items()}


def _known(locks: Path) -> list[str]:
    return sorted(path.stem for path in locks.glob("*.txt"))
