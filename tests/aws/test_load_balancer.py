"""What a client may write into its headers behind a load balancer."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.aws.gateways import SOURCES, Answer, Request, Source, read_answer
from tests.aws.runtime import Deployed, Function

BALANCERS = [source for source in SOURCES if source.recorded.startswith("alb")]
SETTINGS = {"SPOTTER_RATE_LIMIT": "2/d"}
NUMBERS = count(1)


@pytest.fixture(scope="module")
def function(
    deployed: Deployed, scripted_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    settings = {"SPOTTER_MODEL": str(scripted_model), **SETTINGS}
    with deployed.run(tmp_path_factory.mktemp("function"), settings) as running:
        yield running


def ask(function: Function, source: Source, **headers: str) -> Answer:
    """A request for /detect, without an image: it is refused, but not before it is counted."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    outcome = function.invoke(source.event(Request("POST", "/detect", [], given, b"no image")))
    assert outcome.kind == "response", outcome.raw
    return read_answer(outcome.value)


@pytest.mark.parametrize("source", BALANCERS, ids=lambda source: source.name)
@pytest.mark.parametrize("host", ["[::1]", "[::1]:80", "a:b", "a:b:c", ":", "photos.example:99999"])
def test_any_host_is_answered(function: Function, source: Source, host: str) -> None:
    address = f"203.0.113.{next(NUMBERS)}"
    answer = ask(function, source, host=host, x_forwarded_for=address)
    assert answer.status == 415, answer.body


@pytest.mark.parametrize("source", BALANCERS, ids=lambda source: source.name)
@pytest.mark.parametrize(
    "written", ["{mine}", "10.0.0.{n}, {mine}", "{mine}:40{n}", "10.0.0.{n},10.0.0.1, {mine}:1{n}"]
)
def test_a_client_is_counted_by_the_address_that_the_balancer_saw(
    function: Function, source: Source, written: str
) -> None:
    mine = f"198.51.100.{next(NUMBERS)}"
    addresses = [written.format(mine=mine, n=n) for n in range(3)]
    answers = [ask(function, source, x_forwarded_for=address) for address in addresses]
    assert [answer.status for answer in answers] == [415, 415, 429]


def test_addresses_of_ipv6_are_counted_by_their_network(function: Function) -> None:
    addresses = ["2001:db8::1", "[2001:db8::2]:4000", "2001:db8::3"]
    answers = [ask(function, BALANCERS[0], x_forwarded_for=address) for address in addresses]
    assert [answer.status for answer in answers] == [415, 415, 429]
