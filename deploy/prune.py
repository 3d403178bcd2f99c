"""``python -m deploy.prune FUNCTION...``: deletes published versions that no alias points to.

With SnapStart each deployment publishes a version, and AWS charges for the snapshot of each.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    import boto3

    parser = argparse.ArgumentParser(prog="python -m deploy.prune", description=__doc__)
    parser.add_argument("functions", nargs="+", metavar="FUNCTION")
    parser.add_argument(
        "--keep", type=int, default=2, help="number of the newest versions to keep (2)"
    )
    given = parser.parse_args(arguments)
    client = boto3.client("lambda")
    for function in given.functions:
        for version in superfluous(client, function, given.keep):
            client.delete_function(FunctionName=function, Qualifier=version)
            print(f"{function}: version {version} deleted")
    return 0


def superfluous(client: Any, function: str, keep: int) -> list[str]:
    """Versions that no alias points to, except the newest ``keep``."""
    aliased = {
        version
        for alias in _all(client, "list_aliases", "Aliases", function)
        for version in (
            alias["FunctionVersion"],
            *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}),
        )
    }
    published = sorted(
        int(entry["Version"])
        for entry in _all(client, "list_versions_by_function", "Versions", function)
        if entry["Version"] != "$LATEST"
    )
    old = published[:-keep] if keep else published
    return [str(version) for version in old if str(version) not in aliased]


def _all(client: Any, operation: str, member: str, function: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(FunctionName=function):
        yield from page[member]


if __name__ == "__main__":
    sys.exit(main())
