"""``python -m benchmarks.cost``: converts milliseconds to cost per image and images per dollar.

Lambda bills wall time multiplied by memory. The prices and their date are in prices.json.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MB_PER_GB = 1024
MB_PER_VCPU = 1769
_PRICES = Path(__file__).parent / "prices.json"

ARTICLE_MS = 1000.0
"""Milliseconds per image at 1,024 MB, from the article that Spotter is based on."""


@dataclass(frozen=True)
class Cost:
    """USD per image."""

    computing: float
    request: float
    front: float

    @property
    def total(self) -> float:
        return self.computing + self.request + self.front


def prices() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_PRICES.read_text())
    return loaded


def lambda_cost(milliseconds: float, megabytes: int, processor: str, front: str) -> Cost:
    """Cost of an image that occupies a Lambda environment for ``milliseconds`` of wall time."""
    price = prices()
    gb_seconds = milliseconds / 1000 * megabytes / MB_PER_GB
    return Cost(
        gb_seconds * price["lambda_gb_second"][processor],
        price["lambda_request"],
        price["front"][front],
    )


def wall_ms(cpu_ms: float, megabytes: int) -> float:
    """Wall time of single-threaded work under the CPU share of a Lambda function."""
    return cpu_ms * max(1.0, MB_PER_VCPU / megabytes)


def table(measured: dict[str, float], megabytes: int) -> str:
    """A Markdown table; ``measured`` maps names to billed milliseconds per image."""
    rekognition = prices()["rekognition_image"]
    lines = [
        "| way | ms | processor | front | USD an image: computing | with request fee | with front"
        " | images per USD: computing | with all | times cheaper than Rekognition |",
        "|" + " --- |" * 10,
        f"| Rekognition | | | | | | {rekognition:.7f} | | {1 / rekognition:,.0f} | 1 |",
    ]
    for way, milliseconds in {"the article": ARTICLE_MS, **measured}.items():
        for processor in prices()["lambda_gb_second"]:
            for front in prices()["front"]:
                cost = lambda_cost(milliseconds, megabytes, processor, front)
                lines.append(
                    f"| {way} | {milliseconds:.0f} | {processor} | {front} | {cost.computing:.9f}"
                    f" | {cost.computing + cost.request:.9f} | {cost.total:.9f}"
                    f" | {1 / cost.computing:,.0f} | {1 / cost.total:,.0f}"
                    f" | {rekognition / cost.total:.0f} |"
                )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument(
        "--ms",
        action="append",
        default=[],
        metavar="NAME=MS",
        help="billed milliseconds per image, measured at --memory; may be given several times",
    )
    parser.add_argument(
        "--cpu-ms",
        action="append",
        default=[],
        metavar="NAME=MS",
        help="CPU milliseconds per image on one thread; wall time follows from the CPU share",
    )
    parser.add_argument("--memory", type=int, default=1024, help="MB of the Lambda function (1024)")
    options = parser.parse_args()
    measured = {name: float(ms) for name, _, ms in (text.partition("=") for text in options.ms)}
    for text in options.cpu_ms:
        name, _, ms = text.partition("=")
        measured[name] = wall_ms(float(ms), options.memory)
    print(f"{prices()['region']}, prices of {prices()['date']}, {options.memory} MB\n")
    print(table(measured, options.memory))


if __name__ == "__main__":
    main()
