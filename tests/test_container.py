"""The Dockerfile and docker-compose.yml agree with each other and with the code."""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import DEFAULT_MODEL, Settings
from benchmarks.harness.process import held_port
from deploy.locked import CONTAINER, EXTRAS, packages
from tests.server import REPOSITORY


def read_dockerfile() -> list[tuple[str, str]]:
    """Instruction and the rest of the line, without comments and with joined lines."""
    text = (REPOSITORY / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(instruction, " ".join(rest.split())) for instruction, rest in lines]


DOCKERFILE = read_dockerfile()
LAST_FROM = max(i for i, (instruction, _) in enumerate(DOCKERFILE) if instruction == "FROM")
FINAL_STAGE = DOCKERFILE[LAST_FROM:]
ENVIRONMENT = dict(
    pair.split("=", 1) for name, rest in FINAL_STAGE if name == "ENV" for pair in rest.split()
)
SERVICE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())[
    "services"
]["spotter"]


def argument(name: str) -> list[str]:
    """What an instruction of the final stage is given, each time that it stands there."""
    return [rest for instruction, rest in FINAL_STAGE if instruction == name]


def default_of(build_argument: str) -> str:
    defaults = [
        rest.partition("=")[2]
        for instruction, rest in DOCKERFILE
        if instruction == "ARG" and rest.startswith(f"{build_argument}=")
    ]
    assert len(defaults) == 1
    return defaults[0]


def test_the_user_is_not_root_and_is_a_number() -> None:
    """Kubernetes can tell only by the number."""
    (user,) = argument("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_image_listens_on_the_port_that_it_exposes_and_compose_publishes() -> None:
    assert argument("EXPOSE") == [ENVIRONMENT["PORT"]]
    assert ENVIRONMENT["HOST"] == "0.0.0.0"
    assert [port.rpartition(":")[2] for port in SERVICE["ports"]] == [ENVIRONMENT["PORT"]]


def test_compose_publishes_on_this_machine_alone_unless_told_otherwise() -> None:
    """Docker's default is every address, past most firewalls."""
    (port,) = SERVICE["ports"]
    assert port.startswith("${ADDRESS:-127.0.0.1}:")


def test_the_image_serves_the_model_that_the_build_argument_names() -> None:
    assert ("COPY", "${MODEL} ${MODEL}") in DOCKERFILE
    assert "--from=build /srv/spotter/${MODEL} ${MODEL}" in argument("COPY")
    assert argument("WORKDIR") == ["/srv/spotter"]
    assert ENVIRONMENT["SPOTTER_MODEL"] == "/srv/spotter/${MODEL}"
    assert REPOSITORY / default_of("MODEL") == DEFAULT_MODEL


def test_the_packages_install_as_locked_and_serve(tmp_path: Path) -> None:
    """The build's own command, in folders of this machine."""
    (command,) = (rest for name, rest in DOCKERFILE if name == "RUN" and "--require-hashes" in rest)
    (source,) = (rest for name, rest in DOCKERFILE if name == "COPY" and rest.endswith(" /locks/"))
    venv = tmp_path / "venv"
    command = re.sub(r"/locks\b", str(REPOSITORY / source.split()[0].rstrip("/")), command)
    command = re.sub(r"/venv\b", str(venv), command)
    environment = {**os.environ, "EXTRAS": default_of("EXTRAS")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "No broken requirements found" in done.stdout
    installed = json.loads(
        subprocess.check_output(
            [sys.executable, "-m", "pip", "--python", venv / "bin/python", "list", "--format=json"]
        )
    )
    assert {(entry["name"].lower().replace("_", "-"), entry["version"]) for entry in installed} == {
        (package.name, package.version) for package in packages(CONTAINER)
    }
    script = "import app.main, app.aws, app.events.backfill, pi_heif, awslambdaric, boto3"
    subprocess.run([venv / "bin/python", "-c", script], cwd=REPOSITORY, check=True)


def test_an_argument_is_declared_in_every_stage_that_uses_it() -> None:
    declared: set[str] = set()
    for instruction, rest in DOCKERFILE:
        if instruction == "FROM":
            declared = {"PYTHON"} if "PYTHON" in rest else set()
        elif instruction == "ARG":
            declared.add(rest.partition("=")[0])
        else:
            used = re.findall(r"\$\{?(MODEL|EXTRAS|PYTHON)\b", rest)
            assert set(used) <= declared, rest


def test_the_extras_exist_and_the_python_is_one_that_the_project_takes() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert set(default_of("EXTRAS").split(",")) == set(EXTRAS)
    assert set(EXTRAS) <= project["optional-dependencies"].keys()
    least = project["requires-python"].removeprefix(">=")
    assert _version(default_of("PYTHON")) >= _version(least)


def test_the_aws_services_that_the_code_calls_are_not_trimmed_from_the_image() -> None:
    (trimming,) = re.findall(r"botocore/data/\S+ (.+?) -exec", " ".join(r for _, r in DOCKERFILE))
    kept = [name.strip("'") for name in re.findall(r"-name (\S+)", trimming)]
    code = "".join(path.read_text() for path in (REPOSITORY / "app").rglob("*.py"))
    called = set(re.findall(r"\bConnection\(\s*\"([\w-]+)\"", code))
    assert called
    assert {name for name in called if not any(fnmatch(name, k) for k in kept)} == set()


OF_LIBRARIES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "FORWARDED_ALLOW_IPS")


def test_compose_passes_every_setting_on_and_no_other() -> None:
    """Without a value: what is not set stays unset, and the image's own defaults hold."""
    settings = [f"SPOTTER_{name.upper()}" for name in Settings.model_fields]
    assert SERVICE["environment"] == dict.fromkeys([*settings, *OF_LIBRARIES])


def test_compose_keeps_the_container_small_and_harmless() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert {"cpu_quota", "mem_limit", "pids_limit", "logging"} <= SERVICE.keys()


def test_what_the_build_copies_is_let_through_and_tests_are_not() -> None:
    context = {
        path: _ignored(path)
        for path in (
            "app/main.py",
            "app/vision/nms.py",
            "models/default.onnx",
            "weights/other.onnx",
            "deploy/locks/common.txt",
            "LICENSE",
            "pyproject.toml",
            "deploy/lambda_zip.py",
            "tests/test_container.py",
            "app/__pycache__/main.cpython-313.pyc",
            "app/.env",
            "models/train/trainer.py",
            "weights/other.pt",
            ".env",
            ".git/config",
            ".venv/pyvenv.cfg",
            "README.md",
        )
    }
    assert [path for path, ignored in context.items() if not ignored] == list(context)[:6]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_follows_healthz(status: int, code: int) -> None:
    with _answering(status) as port:
        assert _health_check(port) == code


def test_the_health_check_fails_where_nothing_listens() -> None:
    with held_port() as port:
        assert _health_check(port) == 1


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _ignored(path: str) -> bool:
    """As Docker reads .dockerignore, for the patterns that are used: the last match decides."""
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        parts = path.split("/")
        tails = range(len(parts)) if pattern.startswith("**/") else range(1)
        pieces = pattern.removeprefix("**/").split("/")
        if any(
            len(parts) - start >= len(pieces)
            and all(map(fnmatch, parts[start : start + len(pieces)], pieces))
            for start in tails
        ):
            ignored = not line.startswith("!")
    return ignored


def _health_check(port: int) -> int:
    (check,) = argument("HEALTHCHECK")
    program, *arguments = json.loads(check.partition("CMD ")[2])
    assert program == "python"
    environment = {"PORT": str(port)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, check=False, capture_output=True
    )
    return done.returncode


@contextmanager
def _answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
