"""Keys of the index: a partition for each label and shard, with the most probable object last.

The index is in the same table as the rows. No bucket's name begins with ``#``, so no row has the
key of an index item.
"""

import hashlib
import re
import unicodedata
from decimal import Decimal

PARTITION_KEY = "object"
SORT_KEY = "version"

SHARDS = 16
"""Partitions of one label. DynamoDB allows 1,000 write units a second for one partition, and a
label such as "person" is in most photos. Each search queries all of them."""

_LONGEST_LABEL_BYTES = 100
_POSITION = re.compile(r"[01]\.\d{6}#[0-9a-f]{32}", re.ASCII)


def folded(label: str) -> str:
    """Case-folds a label for comparison. The result is not empty and short enough for a key."""
    text = unicodedata.normalize("NFKC", label).casefold().strip()
    if 0 < len(text.encode("utf-8", "replace")) <= _LONGEST_LABEL_BYTES:
        return text
    return f"sha256:{_digest(text)}"


def partition(label: str, shard: int) -> str:
    """``label`` is folded."""
    return f"#label#{shard:02}#{label}"


def shard_of(row_object: str, row_version: str) -> int:
    """The shard of all index items of a row."""
    return int(_row_digest(row_object, row_version)[:8], 16) % SHARDS


def position(probability: Decimal, row_object: str, row_version: str) -> str:
    """A sort key: by probability, and in a fixed order for equal probabilities."""
    return f"{probability:.6f}#{_row_digest(row_object, row_version)}"


def is_position(text: str) -> bool:
    return _POSITION.fullmatch(text) is not None


def above(probability: float) -> str:
    """A key less than the positions of all greater probabilities, and greater than all others."""
    rounded = f"{probability:.6f}"
    return rounded + ("$" if float(rounded) <= probability else "#")  # "$" comes after "#"


def before(position: str) -> str:
    """A key less than ``position`` and greater than every lower position."""
    return f"{position[:-1]}{chr(ord(position[-1]) - 1)}~"


HIGHEST = "2"
"""Greater than all positions."""


def _row_digest(row_object: str, row_version: str) -> str:
    return _digest(f"{row_object}\n{row_version}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
