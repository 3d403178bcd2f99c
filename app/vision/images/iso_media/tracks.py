"""Where the tracks of an image sequence keep the first picture, the only one that is decoded."""

from app.vision.images.iso_media.boxes import Box, Boxes, Numbers, too_many

_MOST_SAMPLES = 100_000
_MOST_TABLE_STEPS = 2_000_000
"""Chunks times runs of a track: libavif looks through all runs for each chunk."""
_MOST_BYTES = 4_000_000
_TRACK_TO_TABLES = (b"mdia", b"minf", b"stbl")


def first_samples(boxes: Boxes, moov: Box) -> list[tuple[int, int]]:
    """Where the first sample of each track begins and ends.

    Raises InvalidImage if tables are larger than honest ones, or declare more than that.
    """
    if moov.end - moov.start > _MOST_BYTES:
        raise too_many("bytes in its 'moov' box", _MOST_BYTES)
    found = []
    for track in boxes.children(moov):
        if track.kind != b"trak":
            continue
        tables: Box | None = track
        for name in _TRACK_TO_TABLES:
            tables = tables and boxes.child(tables, name)
        if tables is not None:
            found += _first_sample(boxes, {box.kind: box for box in boxes.children(tables)})
    return found


def _first_sample(boxes: Boxes, tables: dict[bytes, Box]) -> list[tuple[int, int]]:
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
    """How many runs of chunks a track has, and the most samples of a chunk."""
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
