"""Mutants: from a seed and a number the same bytes every time, wherever the corpus is the same."""

import random
from collections.abc import Callable
from functools import cache

from tests.hostile import inserts
from tests.hostile.corpus import Sample, corpus
from tests.hostile.kinds import LARGEST, all_kinds
from tests.hostile.outline import outline, repeated, with_checksums

_INTERESTING = (
    *(0, 1, 2, 7, 8, 16, 255, 256, 4095, 16383, 16384, 32767, 32768, 50_000, 65535),
    *(65536, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1),
)
_LONGEST = 2_000_000
_SMALL = 30_000
_AMPLIFIED = 0.3
"""Of all mutants; the others are bent from the corpus."""
_OF_FULL_SIZE = 0.02
"""Of those that are amplified: as large as a body may be."""
_SIGNATURES = (
    *(b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\1\0\0WEBP", b"BM", b"II*\0"),
    *(b"MM\0*", b"II+\0\x08\0\0\0", b"\0\0\0\x1cftypavif", b"\0\0\0\x18ftypheic", b"P6 9 9 255 "),
    *(b"%PDF-1.7\n", b"%!PS-Adobe-3.0 EPSF", b"\0\0\1\0", b"8BPS", b"icns", b"<svg>", b"PK\3\4"),
)

Mutation = Callable[[random.Random, bytes], bytes]


def mutant(seed: int, number: int) -> Sample:
    """``name`` says how it was made."""
    rng = random.Random(f"{seed}/{number}")
    amplified = rng.random() < _AMPLIFIED
    base = _amplified(rng) if amplified else _chosen(rng)
    if amplified and rng.random() < 0.6:
        return base
    data, steps = base.data, []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        mutation = rng.choices(_MUTATIONS, _WEIGHTS)[0]
        data = mutation(rng, data)[:_LONGEST]
        steps.append(mutation.__name__.strip("_"))
    if rng.random() < 0.8:
        data = with_checksums(data)
    return Sample(f"{base.name}: {', '.join(steps)}", data)


def _amplified(rng: random.Random) -> Sample:
    """A file of one of the kinds, mostly of kilobytes, now and then as large as a body may be."""
    kind = rng.choice(all_kinds())
    size = int(10 ** rng.uniform(2.5, 5 if rng.random() < 0.8 else 6.5))
    if rng.random() < _OF_FULL_SIZE:
        size = LARGEST
    return Sample(f"{kind.form} {kind.name}, {size} bytes", kind.file(rng, size))


def _chosen(rng: random.Random) -> Sample:
    """Small files more often than all the photos: more of their bytes mean something."""
    return rng.choice(_small() if rng.random() < 0.8 else corpus())


@cache
def _small() -> list[Sample]:
    return [sample for sample in corpus() if len(sample.data) < _SMALL]


def _spot(rng: random.Random, data: bytes) -> int:
    """Early ones more often: that is where headers are."""
    return int(len(data) * rng.random() ** rng.choice((1, 3, 6)))


def _flip_bits(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 50)) if data else 0):
        out[_spot(rng, data)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _overwrite(rng: random.Random, data: bytes) -> bytes:
    at, size = _spot(rng, data), rng.choice((1, 2, 4, 16, 300))
    fill = rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size))
    return data[:at] + fill + data[at + size :]


def _truncate(rng: random.Random, data: bytes) -> bytes:
    ends = [end for _, end in outline(data).parts]
    if ends and rng.random() < 0.5:
        return data[: rng.choice(ends)]
    return data[: _spot(rng, data)]


def _change_numbers(rng: random.Random, data: bytes) -> bytes:
    numbers = outline(data).numbers
    out = bytearray(data)
    for at, size, order in rng.sample(numbers, min(len(numbers), rng.choice((1, 1, 2, 4)))):
        old = int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]
        near = old + rng.choice((-1, 1, -2, 4, old, 1000))
        value = rng.choice((*_INTERESTING, near, near, near, rng.getrandbits(8 * size)))
        out[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(out)


def _drop_part(rng: random.Random, data: bytes) -> bytes:
    parts = outline(data).parts
    if not parts:
        return data
    start, end = rng.choice(parts)
    return data[:start] + data[end:]


def _repeat_part(rng: random.Random, data: bytes) -> bytes:
    parts = outline(data).parts
    if not parts:
        return data
    start, end = rng.choice(parts)
    times = rng.choice((1, 1, 2, 20, 200, 5000))
    times = min(times, 1 + _LONGEST // (end - start + 1))
    if rng.random() < 0.7:
        return repeated(data, (start, end), times)
    return data[:end] + data[start:end] * times + data[end:]


def _share(rng: random.Random, data: bytes) -> bytes:
    """All offsets, or all lengths, of one table become the same number."""
    tables = outline(data).tables
    if not tables:
        return data
    table = rng.choice(tables)
    at, size, order = table[0]
    first = int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]
    value = rng.choice((first, first, 0, 0, 1, 2, len(data), len(data) // 2, *_INTERESTING))
    out = bytearray(data)
    for at, size, order in table:
        out[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(out)


def _swap_parts(rng: random.Random, data: bytes) -> bytes:
    parts = outline(data).parts
    if len(parts) < 2:
        return data
    (start, end), (other, other_end) = sorted(rng.sample(parts, 2))
    if other < end:  # one within the other
        return data
    between = data[end:other]
    return data[:start] + data[other:other_end] + between + data[start:end] + data[other_end:]


def _part_of_another(rng: random.Random, data: bytes) -> bytes:
    other = _chosen(rng).data
    parts, places = outline(other).parts, outline(data).parts
    start, end = rng.choice(parts or [(0, len(other) // 2)])
    at, to = rng.choice(places or [(len(data) // 2, len(data) // 2)])
    return data[: rng.choice((at, to))] + other[start:end] + data[to:]


def _splice(rng: random.Random, data: bytes) -> bytes:
    other = _chosen(rng).data
    return data[: _spot(rng, data)] + other[_spot(rng, other) :]


def _insert(rng: random.Random, data: bytes) -> bytes:
    """What the format itself knows and a photo has not: floods, bombs, nested files."""
    return inserts.insert(rng, data, _chosen(rng).data)


def _pose(rng: random.Random, data: bytes) -> bytes:
    """Begins, or goes on, like another format."""
    signature = rng.choice(_SIGNATURES)
    if rng.random() < 0.5:
        return signature + data[len(signature) :]
    return rng.choice((signature + data, data + signature + _chosen(rng).data))


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bits, _overwrite, _truncate, _change_numbers, _drop_part, _repeat_part),
    *(_swap_parts, _part_of_another, _splice, _insert, _pose),
    _share,
)
_WEIGHTS = (20, 8, 6, 30, 6, 8, 4, 6, 4, 10, 3, 8)
