import numpy as np

from app.vision.families import spotter
from benchmarks.contenders.rows import rows


def test_yolov8() -> None:
    output = np.arange(24, dtype=np.float32).reshape(1, 6, 4)
    np.testing.assert_array_equal(rows({"output0": output}), output[0].T)


def test_spotters_levels_as_its_own_decoder_reads_them() -> None:
    random = np.random.default_rng(0)
    sizes = {8: (8, 12), 16: (4, 6)}
    outputs = {
        f"{kind}.{stride}": random.normal(0, 2, (1, channels, *size)).astype(np.float32)
        for kind, channels in (("scores", 3), ("distances", 4))
        for stride, size in sizes.items()
    }
    found = rows(outputs)
    assert found.shape == (8 * 12 + 4 * 6, 4 + 3)
    likely = found[found[:, 4:].max(axis=1) > 0.5]
    expected = spotter.decode(list(outputs.values()), 3, 0.5, (64, 96))
    corners = np.hstack([likely[:, :2] - likely[:, 2:4] / 2, likely[:, :2] + likely[:, 2:4] / 2])
    np.testing.assert_allclose(corners, expected.boxes, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(likely[:, 4:].max(axis=1), expected.scores, rtol=1e-5)
    np.testing.assert_array_equal(likely[:, 4:].argmax(axis=1), expected.classes)
