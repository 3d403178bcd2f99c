"""RT-DETR as the Ultralytics package exports it: (1, queries, 4 + classes).

Boxes are centre and size relative to the input (0..1); the sigmoid is already applied to the
scores.
"""

from app.vision.families import box_rows
from app.vision.families.base import BATCH, Family
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_SPEC = OutputSpec(boxes="cxcywh", unit="shares")

FAMILY = Family(
    name="rtdetr",
    models="RT-DETR exported by Ultralytics",
    layout="[1, queries, 4 + classes]",
    input=InputSpec(size=(640, 640), fit="stretch"),
    needs_nms=False,
    bind=box_rows.bind,
    decode=box_rows.with_spec(_SPEC),
    exported={"images": BATCH, "output0": BATCH},
    tasks=frozenset({"detect"}),
    described="rt-?detr",
    described_only=True,
)
