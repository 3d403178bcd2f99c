"""Finds the first picture of an image sequence, the only one that is decoded, in its tracks."""

from app.vision.images.iso_media.boxes import Box, Boxes, Numbers, too_many

_MOST_SAMPLES = 100_000
_MOST_TABLE_STEPS = 2_000_000
"""Chunks times runs of a track: libavif searches all runs for each chunk."""
_TRACK_TO_TABLES = (b"mdia", b"minf", b"stbl")


def first_sample(boxes: Boxes, track: Box) -> list[tuple[int, int]]:
    """Start and end of the first sample of a track; empty if it has none.

    Raises InvalidImage if the tables are too large or declare too many samples.
    """
    parent: Box | None = track
    for name in _TRACK_TO_TABLES:
        parent = parent and boxes.child(parent, name)
    tables = {box.kind: box for box in boxes.children(parent)} if parent else {}
    offsets = tables.get(b"stco") or tables.get(b"co64")
    if b"stsz" not in tables or offsets is None:
        return []
    sizes = Numbers(boxes.data, tables[b"stsz"])
    sizes.take(4)
    fixed, samples = sizes.take(4), sizes.take(4)
    numbers = Numbers(boxes.data, offsets)
    numbers.take(4)
    chunks = numbers.take(4)
    runs, longest = _runs(boxes, tables.get(b"stsc"))
    if fixed:
        samples = max(samples, chunks * longest)
    if samples > _MOST_SAMPLES or chunks > _MOST_SAMPLES or chunks * runs > _MOST_TABLE_STEPS:
        raise too_many("pictures in a sequence", _MOST_SAMPLES)
    end = len(boxes.data)
    start = min(numbers.take(4 if b"stco" in tables else 8), end)
    return [(start, min(start + (fixed or sizes.take(4)), end))]


def _runs(boxes: Boxes, box: Box | None) -> tuple[int, int]:
    """Number of chunk runs of a track, and the largest number of samples in a chunk."""
    if box is None:
        return 0, 0
    numbers = Numbers(boxes.data, box)
    numbers.take(4)
    count = min(numbers.take(4), numbers.left // 12)
    boxes.spend(count)
    longest = 0
    for _ in range(count):
        longest = max(longest, (numbers.take(4), numbers.take(4), numbers.take(4))[1])
    return count, longest
