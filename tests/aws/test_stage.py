"""What stands in front of the application's own paths, told by the event and not guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.gateway.stage import root_and_path
from tests.aws.gateways import SOURCES, Request
from tests.aws.runtime import Deployed

Event = dict[str, Any]
OWN = [
    *("/detect", "/v1/vision/detection", "/v1/v1", "/v1", "/detect/detect", "/", "/docs", "/prod"),
    *("/none/ünd", "//detect", "/v1/vision/custom/a b"),
]
STAGES = ["v1", "prod", "detect", "docs", "vision", "v"]
EXECUTE, OWN_DOMAIN = "id.execute-api.us-east-1.amazonaws.com", "api.example.com"


def rest(own: str, *, stage: str, base: str | None = None, proxy: bool = True) -> Event:
    """``base``: the base path of an own domain; without it the stage is in the address."""
    path = f"{base or ''}{own}"
    return {
        "resource": "/{proxy+}" if own != "/" else "/",
        "path": path,
        "pathParameters": {"proxy": own[1:]} if proxy and own != "/" else None,
        "requestContext": {
            "stage": stage,
            "path": path if base is not None else f"/{stage}{own}",
            "domainName": EXECUTE if base is None else OWN_DOMAIN,
        },
    }


@pytest.mark.parametrize("proxy", [True, False])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("own", OWN)
def test_a_rest_api_has_cut_its_stage_off(own: str, stage: str, proxy: bool) -> None:
    event = rest(own, stage=stage, proxy=proxy)
    assert root_and_path(event, event["path"]) == (f"/{stage}", own)


def test_the_front_page_without_its_slash() -> None:
    event = rest("/", stage="v1")
    event["requestContext"]["path"] = "/v1"
    assert root_and_path(event, "/") == ("/v1", "/")
    event = rest("/", stage="prod", base="/v1")
    event["path"] = event["requestContext"]["path"] = "/v1"
    assert root_and_path(event, "/v1") == ("/v1", "/")


@pytest.mark.parametrize("base", ["", "/v1", "/detect", "/v1/v1", "/a/b"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("own", OWN)
def test_the_base_path_of_a_domain_is_left_in(own: str, stage: str, base: str) -> None:
    event = rest(own, stage=stage, base=base)
    assert root_and_path(event, event["path"]) == (base, own)


@pytest.mark.parametrize("own", OWN)
def test_at_a_domain_without_a_base_path_a_stage_is_not_in_the_path(own: str) -> None:
    """Even if nothing is known of the route."""
    event = rest(own, stage="v1", base="", proxy=False)
    assert root_and_path(event, event["path"]) == ("", own)


def http(own: str, *, stage: str, front: str, version: str, route: str = "ANY /{proxy+}") -> Event:
    path = f"{front}{own}"
    parameters = {"proxy": own[1:]} if "proxy" in route else None
    common = {"version": version, "pathParameters": parameters}
    if version == "2.0":
        context: Event = {"stage": stage, "http": {"path": path}}
        return {**common, "routeKey": route, "rawPath": path, "requestContext": context}
    return {
        **common,
        "resource": route.removeprefix("ANY ").removeprefix("POST "),
        "path": path,
        "requestContext": {"stage": stage, "path": path},
    }


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("front", ["", "/v1", "/detect", "/a/b"])
@pytest.mark.parametrize("own", [own for own in OWN if own != "/"])
def test_http_apis_tell_by_their_route(own: str, front: str, version: str) -> None:
    for stage in ("$default", *STAGES):
        event = http(own, stage=stage, front=front, version=version)
        assert root_and_path(event, front + own) == (front, own)
        named = http(own, stage=stage, front=front, version=version, route=f"POST {own}")
        assert root_and_path(named, front + own) == (front, own)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("own", OWN)
def test_http_apis_of_one_route_have_their_stage_in_front(
    own: str, stage: str, version: str
) -> None:
    event = http(own, stage=stage, front=f"/{stage}", version=version, route="$default")
    assert root_and_path(event, f"/{stage}{own}") == (f"/{stage}", own)
    event = http(own, stage="$default", front="", version=version, route="$default")
    assert root_and_path(event, own) == ("", own)


def test_the_reported_event_reaches_its_route(
    deployed: Deployed, tmp_path: Path, shared: Path
) -> None:
    """A form of no photo: the route's own error, and not 404."""
    event = json.loads((shared / "reports" / "lambda_rest_stage_v1.json").read_text())
    with deployed.run(tmp_path, {}) as function:
        answer = function.invoke(event).value
        body = json.loads(answer["body"])
        assert (answer["statusCode"], body["success"]) == (400, False)
        rest = SOURCES[0].event(Request("GET", "/docs"))
        rest["requestContext"] |= {"stage": "docs", "path": "/docs/docs"}
        page = function.invoke(rest).value
        assert page["statusCode"] == 200
        assert '<base href="/docs/">' in page["body"]
        for nothing in ({}, {"source": "aws.events", "detail-type": "Scheduled Event"}, None, "x"):
            outcome = function.invoke(nothing)
            assert (outcome.kind, outcome.value) == ("response", None)
        assert "Traceback" not in function.log()
