"""Clients of the Rekognition API that people have in their programs, pointed at a test's server."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tests.missing import missing
from tests.server import Server

KEY_ID, SECRET = "AKIDSPOTTER", "a/secret+with=signs"
REGION = "eu-central-1"
JAVASCRIPT = Path(__file__).parent / "js"


def boto(
    server: Server,
    key_id: str = KEY_ID,
    secret: str = SECRET,
    *,
    retries: int = 1,
    path: str = "",
    parameter_validation: bool = True,
) -> Any:
    return boto3.client(
        "rekognition",
        endpoint_url=server.url + path,
        region_name=REGION,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(
            retries={"total_max_attempts": retries, "mode": "standard"},
            parameter_validation=parameter_validation,
        ),
    )


def environment() -> dict[str, str]:
    """For programs that find their credentials themselves; no proxy, no metadata service."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPOTTER_"))}
    return {
        **clean,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def cli(
    server: Server, *arguments: str, operation: str = "detect-labels"
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "awscli", "rekognition", operation]
    return subprocess.run(
        [*command, "--endpoint-url", server.url, "--output", "json", *arguments],
        env={**environment(), "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def javascript(server: Server, image: Path, request: dict[str, Any] | None = None) -> Any:
    """What ``js/detect.mjs`` prints: the answer, or the error's name, message and status."""
    return node("detect.mjs", server.url, str(image), json.dumps(request or {}))


def node(script: str, *arguments: str) -> Any:
    """The JSON that a script in ``js/`` prints."""
    if shutil.which("node") is None or not (JAVASCRIPT / "node_modules").is_dir():
        missing("There is no node here, or 'npm ci --prefix tests/rekognition/js' is still to run")
    done = subprocess.run(
        ["node", script, *arguments],
        cwd=JAVASCRIPT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def post(
    server: Server, body: Any, target: str = "RekognitionService.DetectLabels", **headers: str
) -> httpx.Response:
    """What no SDK would send: ``body`` as it is, or as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1", **headers}
    return server.client.post("/", content=content, headers=sent)


def inline(image: bytes, **members: Any) -> dict[str, Any]:
    """A request with its image within."""
    return {"Image": {"Bytes": base64.b64encode(image).decode()}, **members}


def names(answer: dict[str, Any]) -> list[str]:
    return [label["Name"] for label in answer["Labels"]]


def label(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in answer["Labels"] if one["Name"] == name)
    result: dict[str, Any] = found
    return result
