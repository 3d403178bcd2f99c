import pytest

from app.vision.description import Description
from models.train.arguments import parser
from models.train.canvas import input_of
from models.train.settings import Settings, settle

pytestmark = pytest.mark.kit


def settled(
    *options: str,
    kept: Settings | None = None,
    before: Description | None = None,
    fine_tuning: bool = False,
) -> Settings:
    args = parser().parse_args(["data", "--out", "out.onnx", *options])
    earlier = kept.model_dump() if kept else {}
    return settle(args, earlier, 3, before, fine_tuning=fine_tuning)


def test_defaults() -> None:
    assert settled() == Settings(name="spotter-n3")
    tuned = settled("--from", "x.onnx", before=BEFORE, fine_tuning=True)
    assert (tuned.rate, tuned.progressive, tuned.warm_up) == (0.005, False, 100)
    assert (tuned.iou, tuned.agnostic_iou) == (0.6, 0.8)
    going_on = settled("--from", "x.onnx", before=BEFORE)
    assert (going_on.rate, going_on.progressive, going_on.warm_up) == (0.02, True, 100)


BEFORE = Description(
    family="spotter",
    name="before",
    labels=("a", "b", "c"),
    input=input_of(96),
    iou=0.6,
    agnostic_iou=0.8,
)


def test_a_resumed_run_has_its_settings_unless_others_are_given() -> None:
    begun = settled("--name", "mine", "--batch", "4", "--qat", before=BEFORE, fine_tuning=True)
    assert settled("--resume", kept=begun) == begun
    other = settled("--resume", "--batch", "8", "--no-qat", "--rate", "0.1", kept=begun)
    expected = {**begun.model_dump(), "batch": 8, "qat": False, "rate": 0.1}
    assert other == Settings(**expected)


def test_a_new_end_replaces_the_earlier_one() -> None:
    by_hours = settled("--hours", "2")
    assert (by_hours.hours, by_hours.epochs) == (2, None)
    assert settled("--resume", kept=by_hours) == by_hours
    by_epochs = settled("--resume", "--epochs", "5", kept=by_hours)
    assert (by_epochs.hours, by_epochs.epochs) == (None, 5)
