"""Limits on the size of an image."""

from app.errors import ImageTooLarge

_LONGEST_SIDE_PIXELS = 500_000
"""Each row takes a pointer beside its pixels, and scaling a row takes a table as long as it."""


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raises ImageTooLarge."""
    width, height = size
    if width * height > max_pixels:
        allowed = f"{max_pixels} are allowed"
    elif max(size) > _LONGEST_SIDE_PIXELS:
        allowed = f"{_LONGEST_SIDE_PIXELS} on a side are allowed"
    else:
        return
    raise ImageTooLarge(
        f"The image has {width} x {height} pixels and at most {allowed}. Send a smaller one."
    )
