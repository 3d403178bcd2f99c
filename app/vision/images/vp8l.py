"""Counts the Huffman code groups of a lossless WebP; the decoder builds tables for each.

The image is divided into blocks, and a smaller image assigns a group of five codes to each block:
up to 65,536 groups, which take kilobytes each and can be declared in a few bits. Section numbers
are those of "Specification for WebP Lossless Bitstream".
"""

from app.errors import InvalidImage

_MOST_OPERATIONS = 200_000
"""Pixels and copies of all images before the picture: about half a second."""
_PREDICTOR, _COLOUR, _GREEN, _PALETTE = range(4)
_LENGTHS_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_LITERALS, _PREFIXES, _DISTANCES = 256, 24, 40
_LONGEST_CODE = 15

_Code = tuple[int, list[tuple[int, int]]]
"""Longest code in bits; for each value of that many bits, its code length and symbol."""


class GroupCounter:
    """Reads the streams of one file; limits their total work."""

    def __init__(self) -> None:
        self._operations_left = _MOST_OPERATIONS

    def groups(self, data: memoryview, size: tuple[int, int]) -> int:
        """Number of code groups of a stream that begins with its transforms.

        Raises InvalidImage if too much precedes the picture, ValueError if the stream is corrupt.
        """
        bits = _Bits(data)
        width, height = size
        seen = set()
        while bits.take(1):  # 4. Transforms
            kind = bits.take(2)
            if kind in seen:
                raise ValueError("corrupt")
            seen.add(kind)
            if kind in (_PREDICTOR, _COLOUR):
                self._literals(bits, _blocks(width, height, bits.take(3) + 2))
            elif kind == _PALETTE:
                colours = bits.take(8) + 1
                self._literals(bits, colours)
                packed = 0 if colours > 16 else 1 if colours > 4 else 2 if colours > 2 else 3
                width = -(-width >> packed)
        _cache_size(bits)
        if not bits.take(1):  # 6.2.2. Decoding of meta prefix codes
            return 1
        return len(self._literals(bits, _blocks(width, height, bits.take(3) + 2)))

    def _literals(self, bits: "_Bits", pixels: int) -> set[int]:
        """Reads an image with its own codes; returns the red and green values that occur in it.

        Copies and cached colours repeat earlier pixels.
        """
        cached = _cache_size(bits)
        green = _read_code(bits, _LITERALS + _PREFIXES + cached)
        red, blue, alpha = (_read_code(bits, _LITERALS) for _ in range(3))
        distance = _read_code(bits, _DISTANCES)
        found = set()
        while pixels > 0:
            self._operations_left -= 1
            if self._operations_left < 0:
                raise InvalidImage("The WebP has too much data before its pixels.")
            symbol = bits.symbol(green)
            if symbol < _LITERALS:
                found.add(bits.symbol(red) << 8 | symbol)
                bits.symbol(blue)
                bits.symbol(alpha)
                pixels -= 1
            elif symbol < _LITERALS + _PREFIXES:
                pixels -= bits.prefixed(symbol - _LITERALS)
                bits.prefixed(bits.symbol(distance))
            else:
                pixels -= 1
        return found


class _Bits:
    """Reads the bits of a stream, from the lowest of each byte."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0
        self._end = 8 * len(data)

    def take(self, count: int) -> int:
        at = self._at
        self._at = at + count
        if self._at > self._end:
            raise ValueError("corrupt")
        first = at >> 3
        window = int.from_bytes(self._data[first : first + 4], "little")
        return window >> (at & 7) & ((1 << count) - 1)

    def symbol(self, code: _Code) -> int:
        longest, table = code
        if not longest:
            return table[0][1]
        at = self._at
        first = at >> 3
        window = int.from_bytes(self._data[first : first + 4], "little")
        length, symbol = table[window >> (at & 7) & ((1 << longest) - 1)]
        self._at = at + length
        if self._at > self._end:
            raise ValueError("corrupt")
        return symbol

    def prefixed(self, prefix: int) -> int:
        """A length or a distance (5.2.2)."""
        if prefix < 4:
            return prefix + 1
        extra = prefix - 2 >> 1
        return (2 + (prefix & 1) << extra) + self.take(extra) + 1


def _cache_size(bits: _Bits) -> int:
    """Size of the colour cache (5.2.3)."""
    if not bits.take(1):
        return 0
    return 1 << bits.take(4)


def _blocks(width: int, height: int, size_bits: int) -> int:
    return -(-width >> size_bits) * -(-height >> size_bits)


def _read_code(bits: _Bits, alphabet: int) -> _Code:
    """A prefix code (6.2.1)."""
    if bits.take(1):
        several = bits.take(1)
        first = bits.take(8 if bits.take(1) else 1)
        symbols = [first, bits.take(8)] if several else [first]
        lengths = dict.fromkeys(symbols, 1)
        return _code(lengths)
    of_lengths: dict[int, int] = {}
    for symbol in _LENGTHS_ORDER[: 4 + bits.take(4)]:
        if length := bits.take(3):
            of_lengths[symbol] = length
    return _code(_read_lengths(bits, _code(of_lengths), alphabet))


def _read_lengths(bits: _Bits, code: _Code, alphabet: int) -> dict[int, int]:
    left = alphabet
    if bits.take(1):
        left = 2 + bits.take(2 + 2 * bits.take(3))
        if left > alphabet:
            raise ValueError("corrupt")
    lengths: dict[int, int] = {}
    at, last = 0, 8
    while at < alphabet and left:
        left -= 1
        length = bits.symbol(code)
        if length <= _LONGEST_CODE:
            if length:
                lengths[at] = last = length
            at += 1
        elif length == 16:
            count = 3 + bits.take(2)
            lengths.update(dict.fromkeys(range(at, at + count), last))
            at += count
        else:
            at += 3 + bits.take(3) if length == 17 else 11 + bits.take(7)
    if at > alphabet:
        raise ValueError("corrupt")
    return lengths


def _code(lengths: dict[int, int]) -> _Code:
    """Canonical codes of symbols with these lengths; a single symbol takes no bits."""
    if len(lengths) == 1:
        return 0, [(0, symbol) for symbol in lengths]
    longest = max(lengths.values(), default=0)
    if sum(1 << (longest - length) for length in lengths.values()) != 1 << longest:
        raise ValueError("corrupt")
    table = [(0, 0)] * (1 << longest)
    value = 0
    for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
        start = int(f"{value >> (longest - length):0{length}b}"[::-1], 2)
        table[start :: 1 << length] = [(length, symbol)] * (1 << (longest - length))
        value += 1 << (longest - length)
    return longest, table
