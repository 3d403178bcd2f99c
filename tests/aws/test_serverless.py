"""serverless.yml, rendered by osls: what it makes is CloudFormation, and agrees with the code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.events.row import EXPIRES
from app.settings import Settings
from tests.aws.tools import require
from tests.events.results import TABLE_KEYS
from tests.server import REPOSITORY

VARIANTS = {
    "as it is": (),
    "with snapshots": ("snapStart=true", "ttlDays=30", "eventBus=default", "memory=1769"),
    "a Function URL": ("entry=function-url", "snapStart=true", "search=true"),
    "with a JWT authoriser": ("entry=http-api-jwt", "architecture=x86_64"),
}


def osls(folder: Path, *arguments: str) -> str:
    """Its output; it runs on a copy, where the zips are empty ones."""
    done = subprocess.run(
        [require("osls"), *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "SLS_TELEMETRY_DISABLED": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("service")
    for name in ("serverless.yml", "serverless-container.yml"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "deploy/resources", folder / "deploy/resources")
    (folder / "dist").mkdir()
    for architecture in ("arm64", "x86_64"):
        (folder / f"dist/lambda-{architecture}.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    return folder


@pytest.fixture(scope="module")
def templates(service: Path) -> dict[str, Path]:
    """The CloudFormation of each variant."""
    found: dict[str, Path] = {}
    for name, parameters in VARIANTS.items():
        given = [word for parameter in parameters for word in ("--param", parameter)]
        osls(service, "package", *given, "--package", f"package-{len(found)}")
        found[name] = service / f"package-{len(found)}/cloudformation-template-update-stack.json"
    return found


def resources(template: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(template.read_text())["Resources"]
    return found


def of_type(template: Path, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in resources(template).values() if r["Type"] == kind]


def test_cfn_lint_finds_nothing(templates: dict[str, Path]) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [linter, *map(str, templates.values())],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_environment_setting_exists(templates: dict[str, Path]) -> None:
    known = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    for template in templates.values():
        functions = of_type(template, "AWS::Lambda::Function")
        named = set().union(*(f["Environment"]["Variables"] for f in functions))
        assert {"SPOTTER_TABLE", "SPOTTER_S3_BUCKETS"} <= named <= known


def test_the_container_variant_runs_the_same_functions(service: Path) -> None:
    zips = json.loads(osls(service, "print", "--format", "json"))["functions"]
    images = json.loads(
        osls(service, "print", "--format", "json", "--config", "serverless-container.yml")
    )["functions"]
    assert zips.keys() == images.keys()
    for name, function in images.items():
        zipped = zips[name]
        assert function["image"]["command"] == [zipped["handler"]]
        for same in ("environment", "events", "role", "timeout"):
            assert function[same] == zipped[same]


def test_the_functions_are_the_newest_python_on_the_cheaper_processor(
    templates: dict[str, Path],
) -> None:
    for function in of_type(templates["as it is"], "AWS::Lambda::Function"):
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["MemorySize"] == 1024
        assert "SnapStart" not in function
        assert function["Timeout"] <= 60


def test_snapshots_come_with_a_version_and_an_alias_for_all_who_call(
    templates: dict[str, Path],
) -> None:
    template = templates["with snapshots"]
    for function in of_type(template, "AWS::Lambda::Function"):
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert len(of_type(template, "AWS::Lambda::Version")) == 2
    assert len(of_type(template, "AWS::Lambda::Alias")) == 2
    for caller in ("AWS::ApiGatewayV2::Integration", "AWS::Lambda::EventSourceMapping"):
        assert "snapstart" in json.dumps(of_type(template, caller))
    assert of_type(templates["as it is"], "AWS::Lambda::Version") == []


def test_the_http_api_is_throttled_and_leaves_cors_to_the_app(templates: dict[str, Path]) -> None:
    (stage,) = of_type(templates["as it is"], "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": 50,
        "ThrottlingBurstLimit": 100,
    }
    for template in templates.values():
        for api in of_type(template, "AWS::ApiGatewayV2::Api"):
            assert "CorsConfiguration" not in api
        for url in of_type(template, "AWS::Lambda::Url"):
            assert "Cors" not in url


def test_a_function_url_takes_the_place_of_the_api(templates: dict[str, Path]) -> None:
    template = templates["a Function URL"]
    assert len(of_type(template, "AWS::Lambda::Url")) == 1
    assert of_type(template, "AWS::ApiGatewayV2::Api") == []


def test_with_jwt_only_health_and_preflights_are_open(templates: dict[str, Path]) -> None:
    routes = of_type(templates["with a JWT authoriser"], "AWS::ApiGatewayV2::Route")
    is_open = {r["RouteKey"] for r in routes if r.get("AuthorizationType", "NONE") != "JWT"}
    assert is_open == {"OPTIONS /{proxy+}", "GET /healthz"}
    assert {"ANY /", "ANY /{proxy+}"} <= {route["RouteKey"] for route in routes}


def test_the_queue_hides_a_batch_longer_than_it_may_take(templates: dict[str, Path]) -> None:
    found = resources(templates["as it is"])
    timeout = found["AnnotateLambdaFunction"]["Properties"]["Timeout"]
    queue = found["Arrivals"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * timeout
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["Failures", "Arn"]}
    (mapping,) = of_type(templates["as it is"], "AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_table_is_as_the_code_writes_it(templates: dict[str, Path]) -> None:
    (table,) = of_type(templates["as it is"], "AWS::DynamoDB::Table")
    assert {name: table[name] for name in TABLE_KEYS} == TABLE_KEYS
    assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRES, "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_a_search_is_allowed_and_asks_the_index_alone_only_if_it_is_wanted(
    templates: dict[str, Path],
) -> None:
    for name, wanted in (("as it is", "false"), ("a Function URL", "true")):
        parameters = json.loads(templates[name].read_text())["Parameters"]
        assert parameters["Search"]["Default"] == wanted
        function = resources(templates[name])["ApiLambdaFunction"]["Properties"]
        table = function["Environment"]["Variables"]["SPOTTER_TABLE"]
        assert table == {"Fn::If": ["Searches", {"Ref": "Results"}, ""]}
        (policy,) = resources(templates[name])["ApiRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if "dynamodb" in json.dumps(statement):
                condition, allowed, _ = statement["Fn::If"]
                assert condition == "Searches"
                assert allowed["Action"] == "dynamodb:Query"
                assert allowed["Condition"]["ForAllValues:StringLike"] == {
                    "dynamodb:LeadingKeys": "#label#*"
                }


def test_the_bucket_tells_of_what_comes_and_of_what_goes(templates: dict[str, Path]) -> None:
    bucket = resources(templates["as it is"])["Images"]["Properties"]
    told = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert {one["Event"] for one in told} == {
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
    }


def test_no_role_may_do_everything(templates: dict[str, Path]) -> None:
    for role in of_type(templates["with snapshots"], "AWS::IAM::Role"):
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                text = json.dumps(statement)
                assert ':*"' not in text.replace('spotter-prod-*:*"', "")
                assert '"Resource": "*"' not in text


def test_failures_raise_alarms(templates: dict[str, Path]) -> None:
    alarms = of_type(templates["as it is"], "AWS::CloudWatch::Alarm")
    watched = sorted(alarm["MetricName"] for alarm in alarms)
    assert watched == [
        "ApproximateNumberOfMessagesVisible",
        "Errors",
        "Errors",
        "Throttles",
        "Throttles",
    ]
    assert all(alarm["AlarmActions"] == [{"Ref": "Alarms"}] for alarm in alarms)
