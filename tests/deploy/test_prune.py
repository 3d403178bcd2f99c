from typing import Any

import pytest

from deploy.prune import superfluous


class Lambda:
    """The part of the client that is used: two pages each."""

    def __init__(self, versions: list[str], aliases: list[dict[str, Any]]) -> None:
        self.pages: dict[str, list[dict[str, Any]]] = {
            "list_versions_by_function": [
                {"Versions": [{"Version": "$LATEST"}]},
                {"Versions": [{"Version": version} for version in versions]},
            ],
            "list_aliases": [{"Aliases": []}, {"Aliases": aliases}],
        }

    def get_paginator(self, operation: str) -> Any:
        pages = self.pages[operation]

        class Paginator:
            def paginate(self, **_: str) -> list[dict[str, Any]]:
                return pages

        return Paginator()


@pytest.mark.parametrize(
    ("keep", "expected"), [(2, ["1", "3", "8"]), (0, ["1", "3", "8", "9", "10"]), (9, [])]
)
def test_versions_of_aliases_and_the_newest_stay(keep: int, expected: list[str]) -> None:
    alias = {
        "FunctionVersion": "2",
        "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}},
    }
    client = Lambda(["10", "1", "2", "3", "4", "8", "9"], [alias])
    assert superfluous(client, "api", keep) == expected
