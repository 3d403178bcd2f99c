"""The question and the answer of a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.search.keys import folded

_SHORTEST_DIGEST = 8


@dataclass(frozen=True)
class Question:
    """Labels count only if their probability is greater than ``above``."""

    label: str
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    above: float = 0.0
    model: str = ""
    """Name of a model or a prefix of its SHA-256; any model if empty."""

    def is_met_by(self, item: Mapping[str, Any], now: float) -> bool:
        """``item`` is an index item of the label; ``now`` is in seconds since 1970."""
        return (
            all(self._shows(item, label) for label in self.also)
            and not any(self._shows(item, label) for label in self.without)
            and self._is_model_of(item)
            and item.get("expiresAt", now + 1) > now
        )

    def _shows(self, item: Mapping[str, Any], label: str) -> bool:
        return float(item["labels"].get(folded(label), 0)) > self.above

    def _is_model_of(self, item: Mapping[str, Any]) -> bool:
        if not self.model or self.model == item["model"]:
            return True
        is_digest = len(self.model) >= _SHORTEST_DIGEST
        return is_digest and str(item["modelSha256"]).startswith(self.model.lower())


@dataclass(frozen=True)
class Hit:
    bucket: str
    key: str
    version: str | None
    """None if the bucket is not versioned."""
    label: str
    probability: float
    alt_text: str
    model: str
    model_sha256: str
    detected_at: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Hit":
        return cls(
            bucket=item["bucket"],
            key=item["key"],
            version=item.get("versionId"),
            label=item["label"],
            probability=float(item["probability"]),
            alt_text=item["altText"],
            model=item["model"],
            model_sha256=item["modelSha256"],
            detected_at=item["detectedAt"],
        )

    @property
    def public(self) -> dict[str, Any]:
        """The JSON that the API and the command return."""
        version = {} if self.version is None else {"version": self.version}
        return {
            "bucket": self.bucket,
            "key": self.key,
            **version,
            "label": self.label,
            "probability": self.probability,
            "altText": self.alt_text,
            "model": self.model,
            "modelSha256": self.model_sha256,
            "detectedAt": self.detected_at,
        }


@dataclass(frozen=True)
class Page:
    hits: list[Hit]
    cursor: str | None
    """Start of the next page; None after the last page."""
    items_read: int
