"""Official releases under open licences that can be fetched by name.

The publisher gives no checksums. Ten other public projects each list these for the same addresses
(looked up on 2026-11-23), most of them with the size in bytes.
"""

from dataclasses import dataclass

_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"


@dataclass(frozen=True)
class Release:
    url: str
    sha256: str
    size: int
    """Bytes."""
    family: str
    labels: str
    """In the syntax of ``models.common.labels.parse``."""
    license: str
    about: str


def _yolox(size: str, bytes_: int, sha256: str, about: str) -> Release:
    url = f"{_YOLOX}/yolox_{size}.onnx"
    return Release(url, sha256, bytes_, "yolox", "coco", "Apache-2.0", about)


RELEASES = {
    "yolox_nano": _yolox(
        "nano",
        3_659_407,
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        "YOLOX-Nano, 416 x 416, mAP50-95 0.258",
    ),
    "yolox_tiny": _yolox(
        "tiny",
        20_219_662,
        "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        "YOLOX-Tiny, 416 x 416, mAP50-95 0.328",
    ),
    "yolox_s": _yolox(
        "s",
        35_858_002,
        "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        "YOLOX-S, 640 x 640, mAP50-95 0.405",
    ),
    "yolox_m": _yolox(
        "m",
        101_259_744,
        "21ff6cfdeb53b013bac2249599e55f00bff3cfdfdab37ed7a4620818c1d15b3f",
        "YOLOX-M, 640 x 640, mAP50-95 0.469",
    ),
}


def listing() -> str:
    """One line for each release, for display."""
    return "\n".join(
        f"  {name:11} {release.about}, {release.size / 1e6:.1f} MB, {release.license}"
        for name, release in RELEASES.items()
    )
