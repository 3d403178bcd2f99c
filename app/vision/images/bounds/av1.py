"""How large the frames of an AV1 stream may be: a decoder makes room for what they declare.

Section numbers are those of the AV1 bitstream specification.
"""

from dataclasses import dataclass

from app.vision.images.bounds.bits import Bits

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_READ = 1024
"""Bytes of a header; the fields that are asked for stand within fewer."""
_KEY, _SWITCH = 0, 3
_SELECT = 2


@dataclass
class Stream:
    largest: int = 0
    """Pixels of the largest frame."""
    frames: int = 0


@dataclass
class _Sequence:
    """What of a sequence header (5.5) the size of a frame depends on."""

    declared: int
    """Pixels of a frame that gives no size of its own."""
    possible: int
    """Pixels of a frame that gives one."""
    reduced: bool
    presentation_bits: int
    id_bits: int
    screen_content: int
    integer_motion: int


def measure(data: bytes) -> Stream:
    """Goes over the open bitstream units of one item or sample."""
    found = Stream()
    sequence = None
    at = 0
    while at < len(data):
        header = data[at]
        kind, extended, sized = header >> 3 & 15, header >> 2 & 1, header >> 1 & 1
        at += 1 + extended
        size = len(data) - at
        if sized:
            size, at = _leb128(data, at)
        bits = Bits(data[at : at + min(size, _READ)])
        if kind == _SEQUENCE_HEADER:
            sequence = _sequence(bits)
            found.largest = max(found.largest, sequence.declared)
        elif kind in (_FRAME_HEADER, _FRAME):
            found.frames += 1
            if sequence and _gives_size(bits, sequence):
                found.largest = max(found.largest, sequence.possible)
        at += size
    return found


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number, and where what is behind it begins."""
    value = 0
    for index in range(8):
        byte = data[at + index] if at + index < len(data) else 0
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            break
    return value, at + index + 1


def _sequence(bits: Bits) -> _Sequence:
    bits.take(4)  # profile, still_picture
    reduced = bool(bits.take(1))
    presentation_bits = 0
    if reduced:
        bits.take(5)
    else:
        presentation_bits = _operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    declared = (bits.take(across) + 1) * (bits.take(down) + 1)
    id_bits = 0
    if not reduced and bits.take(1):
        id_bits = bits.take(4) + 2
        id_bits += bits.take(3) + 1
    bits.take(3)
    ordered = 0
    if not reduced:
        bits.take(4)
        ordered = bits.take(1)
        bits.take(2 * ordered)
    screen_content = integer_motion = _SELECT
    if not reduced:
        screen_content = _SELECT if bits.take(1) else bits.take(1)
        if screen_content:
            integer_motion = _SELECT if bits.take(1) else bits.take(1)
    return _Sequence(
        declared,
        1 << across + down,
        reduced,
        presentation_bits,
        id_bits,
        screen_content,
        integer_motion,
    )


def _operating_points(bits: Bits) -> int:
    """Bits of a frame's presentation time, 0 where frames give none."""
    delay_bits = presentation_bits = 0
    if bits.take(1):  # timing_info_present
        bits.take(64)
        equal_intervals = bits.take(1)
        if equal_intervals:
            bits.skip_uvlc()
        if bits.take(1):  # decoder_model_info_present
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5)
            presentation_bits = 0 if equal_intervals else bits.take(5) + 1
            bits.take(5 if equal_intervals else 0)
    delays_present = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:  # seq_level_idx
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if delays_present and bits.take(1):
            bits.take(4)
    return presentation_bits


def _gives_size(bits: Bits, sequence: _Sequence) -> bool:
    """frame_size_override_flag of a frame header (5.9.2)."""
    if sequence.reduced or bits.take(1):  # show_existing_frame
        return False
    kind, shown = bits.take(2), bits.take(1)
    bits.take(sequence.presentation_bits if shown else 1)
    if kind != _SWITCH and not (kind == _KEY and shown):
        bits.take(1)  # error_resilient_mode
    bits.take(1)  # disable_cdf_update
    chosen = bits.take(1) if sequence.screen_content == _SELECT else sequence.screen_content
    if chosen and sequence.integer_motion == _SELECT:
        bits.take(1)
    bits.take(sequence.id_bits)
    return kind == _SWITCH or bool(bits.take(1))
