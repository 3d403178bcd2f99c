"""The index items of a row: one for each label, with all attributes that a search needs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.search.keys import PARTITION_KEY, SORT_KEY, folded, partition, position, shard_of

Item = dict[str, Any]

MOST_LABELS = 49
"""Most labels of a row in the index. A transaction has at most 100 actions: replacing a row may
delete the items of 49 labels, and write those of 49 others and the row."""

_MOST_ALT_TEXT = 1000  # characters
_COPIED = ("bucket", "key", "model", "modelSha256", "detectedAt", "expiresAt")


def labels_for_index(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """The most probable labels of a row: folded names with their greatest probabilities."""
    found: dict[str, Decimal] = {}
    # Rows of classifiers have classifications.
    for one in (*(row.get("classifications") or ()), *(row.get("detections") or ())):
        name = folded(one["label"])
        found[name] = max(one["probability"], found.get(name, one["probability"]))
    surest = sorted(found, key=lambda name: -found[name])[:MOST_LABELS]
    return {name: found[name] for name in surest}


def index_items(row: Mapping[str, Any], labels: Mapping[str, Decimal]) -> list[Item]:
    """One item for each of ``labels``, which are folded."""
    written = {folded(label): label for label in reversed(row["labels"])}
    common: Item = {name: row[name] for name in _COPIED if name in row}
    common |= {"altText": row["altText"][:_MOST_ALT_TEXT], "labels": dict(labels)}
    if row[SORT_KEY] != row["etag"]:
        common["versionId"] = row[SORT_KEY]
    keys = index_keys(row, labels)
    return [
        {**common, **key, "label": written[label], "probability": probability}
        for key, (label, probability) in zip(keys, labels.items(), strict=True)
    ]


def index_keys(row: Mapping[str, Any], labels: Mapping[str, Decimal]) -> list[Item]:
    name, version = row[PARTITION_KEY], row[SORT_KEY]
    shard = shard_of(name, version)
    return [
        {PARTITION_KEY: partition(label, shard), SORT_KEY: position(probability, name, version)}
        for label, probability in labels.items()
    ]
