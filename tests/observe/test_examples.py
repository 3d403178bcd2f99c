"""The example alerts and the dashboard ask for what a real server tells."""

import json
import re

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.errors import PUBLIC_ERRORS
from tests.api.client import drawn, post
from tests.api.scripted import write_model
from tests.server import REPOSITORY, serve

FOLDER = REPOSITORY / "deploy" / "observability"
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
QUERIES = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of the series of a real server, with their labels."""
    model = write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")
    with serve(model) as server:
        post(server, drawn())
        post(server, b"no image")
        text = server.client.get("/metrics").text
    found: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {"instance", "job"}).update(sample.labels)
    return found


def names(query: str) -> set[str]:
    return set(re.findall(r"\b(?:spotter|process)_\w+|\bup\b", query))


@pytest.mark.parametrize("query", QUERIES)
def test_every_series_and_label_is_there(query: str, told: dict[str, set[str]]) -> None:
    assert names(query)
    assert names(query) <= told.keys()
    for name, selector in re.findall(r"\b((?:spotter|process)_\w+)\{(.*?)\}", query):
        assert set(re.findall(r"(\w+)\s*[=!]~?=?\"", selector)) <= told[name], name
    assert query.count("(") == query.count(")")


def test_what_is_told_is_shown_or_watched(told: dict[str, set[str]]) -> None:
    used = set.union(*map(names, QUERIES))
    stems = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    own = {name for name in told if name.startswith("spotter_")}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in own} <= stems


def test_codes_that_alerts_watch_are_codes() -> None:
    codes = {error.__name__ for error in PUBLIC_ERRORS}
    for rule in ALERTS:
        for value in re.findall(r"code=~?\"([^\"]+)\"", rule["expr"]):
            assert set(value.split("|")) <= codes


def test_each_alert_and_each_metric_is_explained(told: dict[str, set[str]]) -> None:
    for rule in ALERTS:
        assert f"`{rule['alert']}`" in OPERATIONS
    for name in told:
        if name.startswith("spotter_"):
            assert re.sub(r"_(bucket|sum|count)$", "", name) in OPERATIONS


def test_panels_have_places_of_their_own() -> None:
    corners = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(corners)) == len(corners)
