"""Golden letterbox: where a picture lies in the input, and boxes back again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.vision.arrays import Floats
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

SQUARE = InputSpec(size=(640, 640))
WIDE = InputSpec(size=(384, 640))
FLOAT = np.dtype(np.float32)

# Picture (width, height), rectangular: input width, height, content width, height, left, top.
# Worked out by hand from the Ultralytics rule: r = min(S / w, S / h), content = round(side * r),
# padding (modulo the stride where rectangular) halved, and of an odd one the smaller half first.
GOLDEN = [
    ((640, 640), False, (640, 640, 640, 640, 0, 0)),
    ((810, 1080), False, (640, 640, 480, 640, 80, 0)),
    ((810, 1080), True, (480, 640, 480, 640, 0, 0)),
    ((1080, 810), True, (640, 480, 640, 480, 0, 0)),
    ((1920, 1080), True, (640, 384, 640, 360, 0, 12)),
    ((1920, 1080), False, (640, 640, 640, 360, 0, 140)),
    ((427, 640), True, (448, 640, 427, 640, 10, 0)),  # 21 pixels of padding: 10 and 11
    ((427, 640), False, (640, 640, 427, 640, 106, 0)),  # 213: 106 and 107
    ((333, 500), True, (448, 640, 426, 640, 11, 0)),
    ((500, 333), False, (640, 640, 640, 426, 0, 107)),
    ((100, 33), False, (640, 640, 640, 211, 0, 214)),
    ((100, 33), True, (640, 224, 640, 211, 0, 6)),
    ((1, 1), True, (640, 640, 640, 640, 0, 0)),
    ((1, 480), True, (32, 640, 1, 640, 15, 0)),
    ((480, 1), False, (640, 640, 640, 1, 0, 319)),
    ((5000, 2), True, (640, 32, 640, 1, 0, 15)),  # 0.256 of a row is still a row
    ((1280, 3), True, (640, 32, 640, 2, 0, 15)),  # 1.5 rows: to even
    ((1280, 5), True, (640, 32, 640, 2, 0, 15)),  # 2.5 rows: to even
]


@pytest.mark.parametrize(("size", "rectangular", "expected"), GOLDEN)
def test_golden_plans(
    size: tuple[int, int], rectangular: bool, expected: tuple[float, ...]
) -> None:
    plan = Letterbox.plan(SQUARE, *size, rectangular=rectangular)
    found: tuple[float, ...] = (
        plan.input_width, plan.input_height, *plan.content, plan.left, plan.top
    )  # fmt: skip
    assert found == expected
    assert plan.scale_x == plan.scale_y == pytest.approx(640 / max(size), rel=1e-9)


def reference(size: tuple[int, int], spec: InputSpec, rectangular: bool) -> tuple[float, ...]:
    """The rule as Ultralytics writes it: a border each side, rounded with a nudge."""
    (width, height), (full_height, full_width) = size, spec.size
    ratio = min(full_height / height, full_width / width)
    content = round(width * ratio), round(height * ratio)
    pad_x, pad_y = full_width - content[0], full_height - content[1]
    if rectangular:
        pad_x, pad_y = pad_x % spec.stride, pad_y % spec.stride
    left, right = round(pad_x / 2 - 0.1), round(pad_x / 2 + 0.1)
    top, bottom = round(pad_y / 2 - 0.1), round(pad_y / 2 + 0.1)
    return left + content[0] + right, top + content[1] + bottom, *content, left, top


sizes = st.tuples(st.integers(1, 9000), st.integers(1, 9000)).filter(
    lambda size: max(size) < 300 * min(size)
)


@given(sizes, st.booleans(), st.sampled_from([SQUARE, WIDE, InputSpec(size=(416, 416))]))
def test_any_plan_is_the_reference_s(
    size: tuple[int, int], rectangular: bool, spec: InputSpec
) -> None:
    plan = Letterbox.plan(spec, *size, rectangular=rectangular)
    found: tuple[float, ...] = (
        plan.input_width, plan.input_height, *plan.content, plan.left, plan.top
    )  # fmt: skip
    assert found == reference(size, spec, rectangular)
    assert plan.input_width <= spec.size[1]
    assert plan.input_height <= spec.size[0]
    if rectangular:
        assert plan.input_width % 32 == plan.input_height % 32 == 0


AREA = InputSpec(size=(320, 320), fit="area")

# Picture (width, height): input width, height, content width, height, left, top.
# 320 x 320 are 100 squares of 32 x 32; worked out by hand: columns x rows of them.
GOLDEN_AREAS = [
    ((500, 500), (320, 320, 320, 320, 0, 0)),  # 10 x 10
    ((640, 480), (352, 288, 352, 264, 0, 12)),  # 11 x 9
    ((480, 640), (288, 352, 264, 352, 12, 0)),
    ((640, 427), (384, 256, 384, 256, 0, 0)),  # 12 x 8
    ((1920, 1080), (416, 224, 398, 224, 9, 0)),  # 14 x 7 is less high than 398 x 224
    ((4000, 1000), (640, 160, 640, 160, 0, 0)),  # 20 x 5
    ((64, 16), (640, 160, 640, 160, 0, 0)),
    ((8000, 1), (3200, 32, 3200, 1, 0, 15)),  # 100 x 1
]


@pytest.mark.parametrize(("size", "expected"), GOLDEN_AREAS)
def test_golden_areas(size: tuple[int, int], expected: tuple[float, ...]) -> None:
    plan = Letterbox.plan(AREA, *size, rectangular=True)
    assert (
        plan.input_width, plan.input_height, *plan.content, plan.left, plan.top
    ) == expected  # fmt: skip


@given(
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.tuples(st.integers(32, 800), st.integers(32, 800)),
    st.sampled_from([1, 14, 16, 32]),
)
def test_no_input_of_that_area_shows_a_picture_larger(
    size: tuple[int, int], largest: tuple[int, int], stride: int
) -> None:
    spec = InputSpec(size=largest, fit="area", stride=stride)
    plan = Letterbox.plan(spec, *size, rectangular=True)
    assert plan.input_width * plan.input_height <= largest[0] * largest[1]
    assert plan.input_width % stride == plan.input_height % stride == 0
    assert plan.content_width <= plan.input_width
    assert plan.content_height <= plan.input_height
    width, height = size
    cells = (largest[0] // stride) * (largest[1] // stride)
    rows = np.arange(1, cells + 1)
    best = np.minimum(cells // rows * stride / width, rows * stride / height).max()
    assert plan.scale_x == plan.scale_y == pytest.approx(best)


def test_an_area_in_a_fixed_input_is_a_letterbox() -> None:
    letterbox = AREA.model_copy(update={"fit": "letterbox"})
    for size in ((640, 480), (1, 480), (4000, 1000)):
        plans = [Letterbox.plan(spec, *size, rectangular=False) for spec in (AREA, letterbox)]
        assert plans[0] == plans[1]


def test_corner_pads_at_the_right_and_the_bottom_only() -> None:
    spec = InputSpec(size=(416, 416), fit="corner")
    plan = Letterbox.plan(spec, 810, 1080, rectangular=False)
    assert (plan.input_width, plan.input_height) == (416, 416)
    assert (*plan.content, plan.left, plan.top) == (312, 416, 0, 0)
    assert plan.restore(np.array([[0, 0, 312, 416]], dtype=np.float32)).tolist() == [
        [0, 0, 810, 1080]
    ]


def test_stretch_fills_the_input_and_scales_each_axis_by_itself() -> None:
    spec = InputSpec(size=(320, 640), fit="stretch")
    plan = Letterbox.plan(spec, 100, 200, rectangular=True)
    assert (plan.input_width, plan.input_height, *plan.content) == (640, 320, 640, 320)
    assert (plan.scale_x, plan.scale_y) == (6.4, 1.6)
    assert plan.restore(np.array([[64, 32, 320, 160]], dtype=np.float32)) == pytest.approx(
        np.array([[10, 20, 50, 100]])
    )


@given(
    sizes,
    st.booleans(),
    st.sampled_from(["letterbox", "area", "corner", "stretch"]),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_boxes_come_back_where_they_were(
    size: tuple[int, int], rectangular: bool, fit: str, parts: list[float]
) -> None:
    spec = InputSpec.model_validate({"size": (640, 640), "fit": fit})
    plan = Letterbox.plan(spec, *size, rectangular=rectangular)
    box = np.array([parts]) * [*size, *size]
    forward = box * ([plan.scale_x, plan.scale_y] * 2) + ([plan.left, plan.top] * 2)
    back = plan.restore(forward.astype(np.float32))
    # A hundredth of a pixel; float32 inputs cannot do better than 2e-4 of an input pixel.
    tolerance = max(1e-2, 2e-4 / min(plan.scale_x, plan.scale_y))
    assert np.abs(back - box).max() < tolerance


def test_boxes_that_reach_over_the_edge_are_clipped() -> None:
    plan = Letterbox.plan(SQUARE, 810, 1080, rectangular=False)
    boxes = np.array([[-50, -50, 900, 900], [0, 0, 79, 10]], dtype=np.float32)
    assert plan.restore(boxes).tolist() == [[0, 0, 810, 1080], [0, 0, 0, pytest.approx(16.875)]]


def filled(image: Image.Image, spec: InputSpec, dtype: type = np.float32) -> Floats:
    plan = Letterbox.plan(spec, *image.size, rectangular=False)
    tensor = plan.fill(image, spec, np.dtype(dtype))
    assert tensor.shape == (1, 3, *spec.size)
    assert tensor.dtype == dtype
    return tensor


def test_a_plain_picture_is_plain_between_its_padding() -> None:
    tensor = filled(Image.new("RGB", (50, 100), (255, 51, 0)), InputSpec(size=(64, 64)))
    content = tensor[0, :, :, 16:48]
    for plane, level in enumerate((1.0, 0.2, 0.0)):
        assert content[plane] == pytest.approx(level, abs=1e-6)
    for padding in (tensor[..., :16], tensor[..., 48:]):
        assert padding == pytest.approx(114 / 255, abs=1e-6)


def test_bgr_swaps_the_planes_and_mean_and_std_go_with_them() -> None:
    spec = InputSpec(size=(8, 8), channels="bgr", mean=(1, 2, 3), std=(10, 20, 30), pad_value=0)
    tensor = filled(Image.new("RGB", (8, 4), (100, 150, 200)), spec)
    expected = [(200 - 1) / 10, (150 - 2) / 20, (100 - 3) / 30]
    assert tensor[0, :, 4, 4] == pytest.approx(expected, rel=1e-6)
    assert tensor[0, :, 0, 0] == pytest.approx([-1 / 10, -2 / 20, -3 / 30], rel=1e-6)


def test_half_precision_inputs_are_rounded_once() -> None:
    tensor = filled(Image.new("RGB", (8, 8), (1, 100, 254)), InputSpec(size=(8, 8)), np.float16)
    assert tensor[0, :, 0, 0].tolist() == [np.float16(v / 255) for v in (1, 100, 254)]


def test_antialias_weighs_all_pixels_and_bilinear_the_nearest_four() -> None:
    """A white line every eight columns: an eighth of the light, or what falls between four."""
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:, ::8] = 255
    image = Image.fromarray(pixels)
    smooth = filled(image, InputSpec(size=(8, 8)))
    assert smooth[0, 0, 2:6, 2:6] == pytest.approx(1 / 8, abs=0.03)
    nearest = filled(image, InputSpec(size=(8, 8), resample="bilinear"))
    assert (nearest == 0).all()


def test_bilinear_samples_at_pixel_centres() -> None:
    """Halving takes the mean of each two by two, as OpenCV's resize does."""
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10
    image = Image.fromarray(np.repeat(pixels[..., None], 3, axis=2))
    tensor = filled(image, InputSpec(size=(2, 2), resample="bilinear"))
    expected = pixels.reshape(2, 2, 2, 2).mean(axis=(1, 3)) / 255
    assert tensor[0, 0] == pytest.approx(expected, abs=0.51 / 255)


def test_the_picture_may_come_at_another_scale_than_the_plan_s() -> None:
    spec = InputSpec(size=(64, 64))
    plan = Letterbox.plan(spec, 4000, 2000, rectangular=False)
    tensor = plan.fill(Image.new("RGB", (500, 250), (255, 255, 255)), spec, FLOAT)
    assert (tensor[0, 0, 16:48] == 1).all()
    corners = np.array([[0, 16, 64, 48]], dtype=np.float32)
    assert plan.restore(corners) == pytest.approx(np.array([[0, 0, 4000, 2000]]), abs=1e-2)
