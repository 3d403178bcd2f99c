"""Which image format a file begins like; names and extensions are never asked."""

from importlib import import_module
from importlib.util import find_spec

from app.errors import InvalidImageFormat

ALLOWED = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "MPO")

_PREFIXES = (
    (b"\xff\xd8\xff", "JPEG"),  # MPO, too: a JPEG that more pictures follow
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}

_PLUGINS = {
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
}
_WITH_DIRECTORIES = {"JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"}  # of TIFF's form, as EXIF's


def recognise(data: bytes) -> str | None:
    """Pillow's name of the allowed format that ``data`` begins like ("HEIF" for HEIC)."""
    for prefix, name in _PREFIXES:
        if data.startswith(prefix):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _recognise_iso_media(data)
    return None


def _recognise_iso_media(data: bytes) -> str | None:
    """AVIF and HEIC share a container; the brands of its first box tell them apart."""
    end = min(int.from_bytes(data[:4], "big"), 512)
    brands = {data[8:12]} | {data[i : i + 4] for i in range(16, end, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIF"
    return None


def require(data: bytes) -> str:
    """Like ``recognise``, with the decoder loaded.

    Raises InvalidImageFormat where nothing that is allowed begins like this.
    """
    name = recognise(data)
    if name is None:
        what = "The image is empty (0 bytes)." if not data else "This is not an image known here."
        raise InvalidImageFormat(f"{what} Send one of {', '.join(ALLOWED)}.")
    if name == "HEIF":
        _load_heif()
    else:
        import_module(_PLUGINS[name])
    if name in _WITH_DIRECTORIES:
        from app.vision.images.bounds.tiff import bound_directories

        bound_directories()
    return name


def _load_heif() -> None:
    if find_spec("pi_heif") is None:
        raise InvalidImageFormat(
            "This is a HEIC image, and this server was set up without HEIC. Send it as"
            " JPEG, or have the server set up with the extra 'heif'."
        )
    import_module("pi_heif").register_heif_opener()
