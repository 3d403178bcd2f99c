"""``python -m app.events.search dog --and bicycle``: photos with a label, most probable first.

It has the settings of the service; SPOTTER_TABLE is required.
"""

import argparse
import json
import sys
from collections.abc import Iterator

from app.errors import SpotterError, StartError
from app.search.index import LabelIndex
from app.search.question import Hit, Question
from app.settings import load_settings

_LARGEST_PAGE = 1000


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    question = Question(
        options.label, tuple(options.also), tuple(options.without), options.above, options.model
    )
    try:
        table = load_settings().table
        if not table:
            raise StartError("SPOTTER_TABLE has to name the DynamoDB table of the results.")
        for hit in _hits(LabelIndex(table), question, options.limit):
            print(json.dumps(hit.public, ensure_ascii=False) if options.json else _line(hit))
    except (StartError, SpotterError) as error:
        print(f"search: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # such as a table that is missing or may not be read
        print(f"search: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


def _hits(index: LabelIndex, question: Question, limit: int) -> Iterator[Hit]:
    cursor = None
    while limit > 0:
        page = index.search(question, min(limit, _LARGEST_PAGE), cursor)
        yield from page.hits
        limit -= len(page.hits)
        cursor = page.cursor
        if cursor is None:
            return


def _line(hit: Hit) -> str:
    version = f"?versionId={hit.version}" if hit.version else ""
    return f"{hit.probability:.4f}  s3://{hit.bucket}/{hit.key}{version}  {hit.alt_text}"


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("has to be a number from 0 to 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.events.search",
        description="List the photos that show a label, most probable first. Case is ignored.",
    )
    parser.add_argument("label")
    parser.add_argument(
        "--and",
        dest="also",
        action="append",
        default=[],
        metavar="LABEL",
        help="require LABEL as well",
    )
    parser.add_argument(
        "--not",
        dest="without",
        action="append",
        default=[],
        metavar="LABEL",
        help="exclude LABEL",
    )
    parser.add_argument(
        "--above",
        type=_share,
        default=0.0,
        metavar="P",
        help="count only labels with a probability above P, 0 to 1",
    )
    parser.add_argument(
        "--model",
        default="",
        help="only results of this model: its name or a prefix of its SHA-256",
    )
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help="default: 20")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
