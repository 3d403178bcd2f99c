"""Determines the maximum frame size of an AV1 stream, since a decoder allocates what it declares.

Section numbers are those of the AV1 bitstream specification.
"""

from dataclasses import dataclass

from app.vision.images.iso_media.coded import Bits, Coded, Units

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_REFERENCES = 8
"""Frames that a decoder keeps in addition to the current one."""
_READ = 1024
"""Bytes of a header to read; the fields used here are within fewer."""
_KEY, _SWITCH = 0, 3
_SELECT = 2
_MAIN, _HIGH, _PROFESSIONAL = 0, 1, 2
_SRGB = (1, 13, 0)


@dataclass
class _Sequence:
    """Fields of a sequence header (5.5) that determine the size of a frame."""

    declared: int
    """Pixels of a frame that does not give its own size."""
    possible: int
    """Pixels of the largest frame that gives its own size."""
    reduced: bool
    presentation_bits: int
    id_bits: int
    screen_content: int
    integer_motion: int
    pixel_bytes: float
    grain: bool


def measure(data: memoryview, units: Units) -> Coded:
    """Reads the open bitstream units of one item or sample.

    Raises InvalidImage if they exceed the ``units`` that are left.
    """
    found = Coded()
    sequence = None
    grain = False
    at = frames = 0
    while at < len(data):
        units.count()
        header = data[at]
        kind, extended, sized = header >> 3 & 15, header >> 2 & 1, header >> 1 & 1
        at += 1 + extended
        size = len(data) - at
        if sized:
            size, at = _leb128(data, at)
        if kind == _SEQUENCE_HEADER:
            sequence = _sequence(Bits(data[at : at + min(size, _READ)]))
            found.pixels = max(found.pixels, sequence.declared)
            found.pixel_bytes = max(found.pixel_bytes, sequence.pixel_bytes)
            grain |= sequence.grain
        elif kind in (_FRAME_HEADER, _FRAME):
            frames += 1
            if sequence and _gives_size(Bits(data[at : at + min(size, _READ)]), sequence):
                found.pixels = max(found.pixels, sequence.possible)
        at += size
    found.passes = frames
    found.held = min(frames, _REFERENCES + 1) + grain  # film grain is added in a separate frame
    return found


def _leb128(data: memoryview, at: int) -> tuple[int, int]:
    """The number, and the position after it."""
    value = 0
    for index in range(8):
        byte = data[at + index] if at + index < len(data) else 0
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            break
    return value, at + index + 1


def _sequence(bits: Bits) -> _Sequence:
    profile = bits.take(3)
    bits.take(1)  # still_picture
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
        bits.take(3 * ordered)
    bits.take(3)  # enable_superres, enable_cdef, enable_restoration
    pixel_bytes = _pixel_bytes(bits, profile)
    return _Sequence(
        declared,
        1 << across + down,
        reduced,
        presentation_bits,
        id_bits,
        screen_content,
        integer_motion,
        pixel_bytes,
        bool(bits.take(1)),
    )


def _pixel_bytes(bits: Bits, profile: int) -> float:
    """color_config (5.5.2); film_grain_params_present follows it."""
    high = bits.take(1)
    twelve = bits.take(1) if profile == _PROFESSIONAL and high else 0
    grey = 0 if profile == _HIGH else bits.take(1)
    colours = (bits.take(8), bits.take(8), bits.take(8)) if bits.take(1) else None
    if grey:
        bits.take(1)  # color_range
        return 1 + high
    if colours == _SRGB:
        bits.take(1)
        return 3 * (1 + high)
    bits.take(1)
    across = down = int(profile == _MAIN)
    if profile == _PROFESSIONAL:
        across = bits.take(1) if twelve else 1
        down = bits.take(1) if twelve and across else 0
    bits.take(2 if across and down else 0)  # chroma_sample_position
    bits.take(1)  # separate_uv_delta_q
    return (1 + 2 / (1 + across) / (1 + down)) * (1 + high)


def _operating_points(bits: Bits) -> int:
    """Number of bits of a frame's presentation time; 0 if frames have none."""
    delay_bits = presentation_bits = 0
    if bits.take(1):  # timing_info_present
        bits.take(64)
        equal_intervals = bits.take(1)
        if equal_intervals:
            bits.take_exp_golomb()
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
