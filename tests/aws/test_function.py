"""The function as a whole, under the real runtime client: starts, limits, failures, snapshots."""

import json
import os
import random
from pathlib import Path

import pytest

from app.events.row import PARTITION_KEY
from tests.aws.gateways import SOURCES, Answer, Request, Source, read_answer
from tests.aws.moto import Cloud
from tests.aws.runtime import Deployed, Function
from tests.aws.tools import require
from tests.events.records import bridge_event, queue_event, recorded, s3_event
from tests.events.results import Results
from tests.http.client import base64_of, drawn

JSON = {"content-type": "application/json"}
PHOTO = drawn(90, 60, encoding="JPEG")
BY_NAME = {source.name: source for source in SOURCES}
HTTP_API, LOAD_BALANCER = BY_NAME["HTTP API"], BY_NAME["load balancer"]


def ask(function: Function, request: Request, source: Source = HTTP_API) -> Answer:
    outcome = function.invoke(source.event(request))
    assert outcome.kind == "response", (outcome, function.log()[-3000:])
    return read_answer(outcome.value)


def with_module(deployed: Deployed, folder: Path, name: str, code: str) -> dict[str, str]:
    """Variables of a function that finds this module in ``folder``: others share ``deployed``."""
    (folder / f"{name}.py").write_text(code)
    return {"PYTHONPATH": f"{deployed.runtime}{os.pathsep}{folder}"}


def detect(body: bytes = PHOTO, **headers: str) -> Request:
    return Request("POST", "/detect", headers=headers, body=body)


def test_three_events_make_one_session_and_only_the_first_answer_was_cold(
    deployed: Deployed, tmp_path: Path
) -> None:
    """Sessions are counted where they are made; sitecustomize is read before all else."""
    count = (
        "import onnxruntime\n"
        "made = onnxruntime.InferenceSession.__init__\n"
        "def counting(*args, **options):\n"
        "    print('SESSION', flush=True)\n"
        "    made(*args, **options)\n"
        "onnxruntime.InferenceSession.__init__ = counting\n"
        "from app.aws import handler\n"
    )
    variables = with_module(deployed, tmp_path, "counted", count)
    with deployed.run(tmp_path, variables, handler="counted.handler") as function:
        answers = [ask(function, detect(), source) for source in SOURCES[:3]]
        assert function.log().count("SESSION") == 1
    assert [answer.status for answer in answers] == [200] * 3
    assert [answer.headers.get("x-cold-start") for answer in answers] == ["1", None, None]


def test_an_answer_over_the_limit_says_so(deployed: Deployed, tmp_path: Path) -> None:
    header = drawn(1800, 1800, encoding="BMP")[:54]
    body = header + random.Random(1).randbytes(3 * 1800 * 1800)  # no PNG makes noise smaller
    settings = {"SPOTTER_CORS_ORIGINS": "*"}
    with deployed.run(tmp_path, settings) as function:
        wish = {"accept": "image/png", "origin": "https://page.example", "x-request-id": "large"}
        answer = ask(function, detect(body, **wish))
        assert answer.status == 413
        problem = json.loads(answer.body)
        assert problem["code"] == "ImageTooLarge"
        assert "at most 6291456" in problem["detail"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-request-id"] == "large"
        assert answer.headers["x-cold-start"] == "1"
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert ask(function, detect(body)).status == 200
        script = Request("GET", "/docs-files/swagger-ui-bundle.js")
        assert ask(function, script).status == 200
        through_balancer = ask(function, script, LOAD_BALANCER)
        assert through_balancer.status == 413
        assert b"at most 1048576" in through_balancer.body


def test_an_image_by_its_name_in_s3(deployed: Deployed, cloud: Cloud, tmp_path: Path) -> None:
    bucket = cloud.bucket("references", versioned=True)
    s3 = cloud.client("s3")
    first = s3.put_object(Bucket=bucket, Key="a b.jpg", Body=PHOTO)["VersionId"]
    s3.put_object(Bucket=bucket, Key="a b.jpg", Body=drawn(33, 44))
    s3.put_object(Bucket=bucket, Key="large.jpg", Body=PHOTO + bytes(20_000))
    settings = {"SPOTTER_S3_BUCKETS": bucket, "SPOTTER_MAX_BODY_BYTES": "20000"}

    def named(**reference: str) -> Request:
        body = json.dumps({"s3": {"bucket": bucket, **reference}}).encode()
        return detect(body, **JSON)

    with deployed.run(tmp_path, {**cloud.environment, **settings}) as function:
        expected = ask(function, detect()).body
        assert ask(function, named(key="a b.jpg", version=first)).body == expected
        newest = json.loads(ask(function, named(key="a b.jpg")).body)
        assert newest["image"] == {"width": 33, "height": 44}
        for request, status, code in (
            (named(key="none.jpg"), 422, "InvalidParameter"),
            (named(key="a b.jpg", bucket="another"), 422, "InvalidParameter"),
            (named(key="large.jpg"), 413, "ImageTooLarge"),
            (named(key=""), 422, "InvalidParameter"),
            (named(key="a b.jpg", surplus="1"), 422, "InvalidParameter"),
        ):
            answer = ask(function, request)
            assert (answer.status, json.loads(answer.body)["code"]) == (status, code), answer.body
        both = {"s3": {"bucket": bucket, "key": "a b.jpg"}, "image": base64_of(PHOTO)}
        answer = ask(function, detect(json.dumps(both).encode(), **JSON))
        assert b"not both" in answer.body


def test_without_allowed_buckets_no_name_is_taken(deployed: Deployed, tmp_path: Path) -> None:
    body = json.dumps({"s3": {"bucket": "any", "key": "photo.jpg"}}).encode()
    with deployed.run(tmp_path, {}) as function:
        answer = ask(function, detect(body, **JSON))
        assert (answer.status, json.loads(answer.body)["code"]) == (422, "InvalidParameter")
        assert b"SPOTTER_S3_BUCKETS" in answer.body
        undeclared = ask(function, detect(body))
        assert (undeclared.status, b"application/json" in undeclared.body) == (422, True)


@pytest.mark.parametrize("handler", ["app.aws.handler", "app.events.function.handler"])
def test_every_source_of_events_leads_to_a_row(
    deployed: Deployed, results: Results, tmp_path: Path, handler: str
) -> None:
    bucket = results.cloud.bucket(f"b-{results.table}")
    for name in "abcd":
        results.cloud.client("s3").put_object(Bucket=bucket, Key=f"{name}.jpg", Body=PHOTO)
    settings = {**results.cloud.environment, "SPOTTER_TABLE": results.table}
    with deployed.run(tmp_path, settings, handler=handler) as function:
        for event, answer in (
            (s3_event(bucket, "a.jpg"), None),
            (bridge_event(bucket, "b.jpg"), None),
            (queue_event(s3_event(bucket, "c.jpg")), {"batchItemFailures": []}),
            (
                queue_event(bridge_event(bucket, "d.jpg"), "nonsense"),
                {"batchItemFailures": [{"itemIdentifier": "1"}]},
            ),
        ):
            outcome = function.invoke(event)
            assert (outcome.kind, outcome.value) == ("response", answer), function.log()
    keys = {row[PARTITION_KEY] for row in results.rows()}
    assert keys == {f"{bucket}#{name}.jpg" for name in "abcd"}


def test_failures_are_reported_to_lambda_and_the_function_lives_on(
    deployed: Deployed, tmp_path: Path
) -> None:
    with deployed.run(tmp_path, {}) as function:
        outcome = function.invoke(recorded("s3"))
        assert outcome.kind == "error"
        assert outcome.value["errorType"] == "StartError"
        assert "SPOTTER_TABLE" in outcome.value["errorMessage"]
        assert ask(function, detect()).status == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SPOTTER_CONFIDENCE": "2"}, "SPOTTER_CONFIDENCE='2'"),
        ({"SPOTTER_MODEL": "none.onnx"}, "none.onnx cannot be read"),
    ],
)
def test_a_start_that_fails_is_reported_to_lambda(
    deployed: Deployed, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with deployed.run(tmp_path, settings) as function:
        outcome = function.outcome()
        assert outcome.kind == "init/error"
        assert outcome.value["errorType"] == "StartError"
        assert words in outcome.value["errorMessage"]


def test_snapshots_are_prepared_for_and_thawed(
    deployed: Deployed, cloud: Cloud, tmp_path: Path
) -> None:
    bucket = cloud.bucket("snapshots")
    cloud.client("s3").put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO)
    settings = {
        **cloud.environment,
        "SPOTTER_S3_BUCKETS": bucket,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    }
    body = json.dumps({"s3": {"bucket": bucket, "key": "a.jpg"}}).encode()
    with deployed.run(tmp_path, settings) as function:
        first, second = ask(function, detect(body, **JSON)), ask(function, detect())
        assert function.board.asked[:2] == ["/restore/next", "/invocation/next"]
    assert (first.status, first.headers["x-cold-start"]) == (200, "1")
    assert first.body == second.body


@pytest.mark.parametrize(("start", "built"), [("on-demand", False), ("snap-start", True)])
def test_a_snapshot_has_all_routes(
    deployed: Deployed, tmp_path: Path, start: str, built: bool
) -> None:
    code = (
        "import app.aws\n"
        "def handler(event, context):\n"
        "    return app.aws._app.openapi_schema is not None\n"
    )
    variables = with_module(deployed, tmp_path, "peeking", code)
    variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = start
    with deployed.run(tmp_path, variables, handler="peeking.handler") as function:
        assert function.invoke({}).value is built


def test_no_shared_memory_is_needed(deployed: Deployed, tmp_path: Path) -> None:
    """Lambda has no /dev/shm: here every call that names it is seen, and there is none."""
    require("strace")
    trace = tmp_path / "trace"
    wrapper = ("strace", "-f", "-e", "trace=%file", "-o", str(trace))
    with deployed.run(tmp_path, {}, wrapper=wrapper) as function:
        assert ask(function, detect()).status == 200
        assert ask(function, detect(accept="image/png")).status == 200
    calls = trace.read_text()
    assert "default.onnx" in calls
    assert "/dev/shm" not in calls


def test_nothing_but_the_zip_and_the_runtime_is_on_the_path(
    deployed: Deployed, tmp_path: Path
) -> None:
    code = "import sys\ndef handler(event, context):\n    return sys.path\n"
    variables = with_module(deployed, tmp_path, "shown", code)
    with deployed.run(tmp_path, variables, handler="shown.handler") as function:
        path = function.invoke({}).value
    installed = [folder for folder in path if "site-packages" in folder]
    assert installed == []
    assert str(deployed.root) in path
