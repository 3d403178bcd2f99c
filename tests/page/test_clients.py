"""Clients that others' generators make of the OpenAPI document work."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.server import Server

_PYTHON = """
import json, sys
from spotter_client import Client
from spotter_client.api.detect import detect
from spotter_client.api.model import model
from spotter_client.models import DetectionResult, ImageForm, Problem
from spotter_client.types import File

url, photo = sys.argv[1:]
client = Client(base_url=url)
with open(photo, "rb") as file:
    found = detect.sync(client=client, body=ImageForm(file=File(payload=file)), confidence=0.5)
assert isinstance(found, DetectionResult)
refused = detect.sync(client=client, body=ImageForm(file=File(payload=b"text")))
assert isinstance(refused, Problem), refused
assert len(model.sync(client=client).labels) == 80
print(json.dumps([refused.code, [[one.label, one.bounding_box] for one in found.detections]]))
"""

_TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };
declare function readFileSync(path: string): Uint8Array<ArrayBuffer>;
// @ts-ignore: without Node's types
const { readFileSync: read } = (await import("node:fs")) as { readFileSync: typeof readFileSync };

const [url, photo] = process.argv.slice(2);
const client = createClient<paths, `application/${"" | "problem+"}json`>({ baseUrl: url });
const detect = (file: Blob) =>
  client.POST("/detect", {
    params: { query: { confidence: 0.5 } },
    body: { file: file as unknown as string },
    bodySerializer: () => {
      const form = new FormData();
      form.append("file", file);
      return form;
    },
  });
const { data } = await detect(new Blob([read(photo)]));
const { error } = await detect(new Blob(["text"]));
if (!data || !error) throw new Error("No answer.");
const boxes: [string, number[]][] = data.detections.map((one) => [one.label, one.boundingBox]);
console.log(JSON.stringify([error.code, boxes]));
"""


def run(*command: str | Path, cwd: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expected(server: Server, bus: Path) -> list[Any]:
    found = server.detect(bus.read_bytes(), confidence=0.5).json()["detections"]
    return ["InvalidImageFormat", [[one["label"], one["boundingBox"]] for one in found]]


def test_python(server: Server, bus: Path, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(server.client.get("/openapi.json").content)
    run(
        *(sys.executable, "-c", "from openapi_python_client.cli import app; app()", "generate"),
        *("--path", document, "--output-path", tmp_path / "client", "--fail-on-warning"),
        cwd=tmp_path,
    )
    printed = run(sys.executable, "-c", _PYTHON, server.url, bus, cwd=tmp_path / "client")
    assert json.loads(printed) == expected(server, bus)


def test_typescript(server: Server, bus: Path, node_modules: Path, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(server.client.get("/openapi.json").content)
    (tmp_path / "node_modules").symlink_to(node_modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "client.ts").write_text(_TYPESCRIPT)
    generator = node_modules / "openapi-typescript" / "bin" / "cli.js"
    run("node", generator, document, "--output", "api.ts", cwd=tmp_path)
    run(
        *("node", node_modules / "typescript" / "bin" / "tsc", "--strict", "--target", "es2022"),
        *("--module", "nodenext", "--skipLibCheck", "client.ts"),
        cwd=tmp_path,
    )
    printed = run("node", "client.js", server.url, bus, cwd=tmp_path)
    assert json.loads(printed) == expected(server, bus)
