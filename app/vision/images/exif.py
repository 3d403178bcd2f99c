"""Reads the EXIF orientation as browsers do."""

from app.errors import InvalidImage

_ORIENTATION = 274
_SHORT = 3
_PREFIX = b"Exif\0"
"""Followed by one padding byte of any value."""
_MAGIC = (b"II*\0", b"MM\0*")


def orientation(exif: bytes) -> int:
    """Returns 1 to 8; 1 if missing or unreadable. ``exif`` may begin with its prefix."""
    if exif.startswith(_PREFIX):
        exif = exif[len(_PREFIX) + 1 :]
    if not exif.startswith(_MAGIC):
        return 1
    from app.vision.images.tiff_directory import entries

    try:
        for tag, kind, _, value in entries(exif):
            if tag == _ORIENTATION and kind == _SHORT:
                return value if 1 <= value <= 8 else 1
    except InvalidImage:
        pass
    return 1
