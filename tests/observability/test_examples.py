"""The example alerts and the dashboard ask for what a real server tells."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.observability.metrics import REASONS
from tests.http.client import drawn, post
from tests.http.scripted import write_model
from tests.server import REPOSITORY, serve

FOLDER = REPOSITORY / "deploy" / "observability"
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
QUERIES = [rule["expr"] for rule in ALERTS] + [
    # Grafana fills these in.
    target["expr"].replace("$__rate_interval", "5m")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
Series = dict[str, dict[str, set[str]]]
OF_PROMETHEUS = {"instance": {"host:8000"}, "job": {"spotter"}}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Names of the series of a real server, their labels, and the labels' values."""
    model = write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")
    with serve(model) as server:
        post(server, drawn())
        post(server, b"no image")
        text = server.client.get("/metrics").text
    found: Series = {"up": {**OF_PROMETHEUS}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {**OF_PROMETHEUS})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def parts(query: str) -> list[Any]:
    """Of the parsed query, every expression. Raises ValueError where it cannot be parsed."""

    def below(node: Any) -> Iterator[Any]:
        yield node
        for name in ("expr", "lhs", "rhs", "vector_selector", "vs"):
            if (child := getattr(node, name, None)) is not None:
                yield from below(child)
        for child in getattr(node, "args", ()):
            yield from below(child)

    return list(below(promql_parser.parse(query)))


def selectors(query: str) -> list[Any]:
    return [part for part in parts(query) if isinstance(part, promql_parser.VectorSelector)]


def names(query: str) -> set[str]:
    return {selector.name for selector in selectors(query)}


@pytest.mark.parametrize("query", QUERIES)
def test_every_series_and_label_is_there(query: str, told: Series) -> None:
    used = selectors(query)
    assert used
    for selector in used:
        assert selector.name in told
        labels = told[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, query
    for part in parts(query):
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier:
            for label in part.modifier.labels:
                assert any(label in told[name] for name in names(query)), label


def test_reasons_that_alerts_watch_are_there(told: Series) -> None:
    """From the start: a counter that begins with its first event does not rise by it."""
    assert told["spotter_rejected_total"]["reason"] == {*REASONS.values(), "shed"}
    watched = {
        value
        for rule in ALERTS
        for values in re.findall(r'reason=~?"([^"]+)"', rule["expr"])
        for value in values.split("|")
    }
    assert watched
    assert watched <= told["spotter_rejected_total"]["reason"]


def test_the_checks_would_fail() -> None:
    assert names("sum by (a) (rate(b{c='d'}[5m])) / on (a) e > bool f") == {"b", "e", "f"}
    with pytest.raises(ValueError, match="parenthesis"):
        parts("sum(rate(b[5m])")


def test_what_is_told_is_shown_or_watched(told: Series) -> None:
    used = set.union(*map(names, QUERIES))
    own = {name for name in told if name.startswith("spotter_")}
    assert set(map(family, own)) <= set(map(family, used))


def family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_each_alert_and_each_metric_is_explained(told: Series) -> None:
    for rule in ALERTS:
        assert f"`{rule['alert']}`" in OPERATIONS
    for name in told:
        if name.startswith("spotter_"):
            assert f"`{family(name)}`" in OPERATIONS


def test_each_alert_says_how_urgent_it_is_and_of_whom() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "warn", "info"}
        if "$labels.instance" in rule["annotations"]["summary"]:
            for part in parts(rule["expr"]):
                if isinstance(part, promql_parser.AggregateExpr):
                    assert part.modifier
                    assert "instance" in part.modifier.labels


def test_panels_have_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    corners = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(corners) == len(panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval"} == variables
