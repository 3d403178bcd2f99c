"""How the memory of this process is divided, and that a server keeps to it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from app.service import memory_shares
from app.service.memory_shares import MOST_DECODING_BYTES, decoding_bytes, request_bytes
from app.settings import Settings
from tests.server import serve
from tests.vision.pictures import encode

_LAMBDA_MEBIBYTES = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
_GIBIBYTE = 1 << 30
_LARGE = (6000, 4000)


def settings(**values: str) -> Settings:
    return Settings.model_validate(values)


def test_both_follow_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for limit in (128, 256, 512, 768, 1024, 1536):
        monkeypatch.setenv(_LAMBDA_MEBIBYTES, str(limit))
        shares.append((request_bytes(settings()), decoding_bytes(settings())))
    assert shares == sorted(shares)
    assert shares[2][1] > 180_000_000, "as much as a fixed budget had at 512 MiB"
    assert shares[4][1] > 420_000_000
    for limit, (bodies, decoding) in zip((512, 768, 1024, 1536), shares[2:], strict=True):
        assert bodies + decoding < (limit << 20) - 150_000_000


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx_data", "model.onnx.data"])
def test_a_large_model_takes_its_share(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Its weights may lie in a file beside it."""
    monkeypatch.setenv(_LAMBDA_MEBIBYTES, "1024")
    model = tmp_path / "model.onnx"
    model.touch()
    with (tmp_path / name).open("wb") as file:
        file.truncate(100_000_000)
    assert decoding_bytes(settings(model=str(model))) < decoding_bytes(settings()) - 200_000_000


def test_without_a_known_limit_every_format_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_shares, "usable_memory", lambda: None)
    assert decoding_bytes(settings()) == MOST_DECODING_BYTES
    assert request_bytes(settings()) == 10 * settings().max_body_bytes


@pytest.mark.parametrize(("text", "size"), [("300000000", 300_000_000), ("300MB", 300_000_000)])
def test_the_setting_comes_first(text: str, size: int) -> None:
    assert decoding_bytes(settings(decode_memory=text)) == size


def test_a_refusal_names_the_setting() -> None:
    data = encode(Image.new("RGB", (2000, 2000)), "WEBP")
    with serve(decode_memory="50MB") as server:
        response = server.detect(data)
        assert response.status_code == 413
        assert "about 64 MB of memory, and at most 50 MB" in response.json()["detail"]
        assert "SPOTTER_DECODE_MEMORY" in response.json()["detail"]
        assert server.detect(encode(Image.new("RGB", (1000, 1000)), "WEBP")).status_code == 200


def test_eight_large_photos_at_once_fit_into_a_gibibyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_LAMBDA_MEBIBYTES, "1024")
    rough = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    photo = Image.fromarray(rough).resize(_LARGE, Image.Resampling.BILINEAR)
    files = [
        encode(photo, "WEBP", quality=80, method=0),
        encode(photo, "WEBP", lossless=True, quality=0, method=0),
        encode(photo, "AVIF", speed=10, subsampling="4:4:4"),
        encode(photo, "PNG", compress_level=1),
    ]
    with serve() as server, ThreadPoolExecutor(8) as threads:

        def ask(data: bytes) -> httpx.Response:
            return server.client.post("/detect", content=data)

        for response in threads.map(ask, 2 * files):
            assert response.status_code == 200, response.text
            image = response.json()["image"]
            assert (image["width"], image["height"]) == _LARGE
        assert server.memory("VmHWM") < _GIBIBYTE
