"""Prints how a model was read, why, and what it found."""

from pathlib import Path

from app.vision.detections import Detections
from app.vision.detector import Detector
from app.vision.draw import draw
from models.adoption.choose import Choice, Wishes
from models.adoption.hints import Hints

_SHOWN = 5
"""Number of objects printed for each photo."""


def tell(choice: Choice, hints: Hints, wishes: Wishes) -> None:
    outcome = choice.outcome
    reading, spec = outcome.reading, outcome.reading.spec
    print(f"family: {reading.family.name}, {reading.family.layout}")
    if len(choice.fitting) > 1:
        print(f"  finds objects as {', '.join(choice.fitting)}; the first plausible one was taken")
    if spec is not None:
        print(f"outputs: {spec}")
    prepared = reading.input
    print(
        f"input: {prepared.fit}, {prepared.channels}, mean {_listed(prepared.mean)}, std"
        f" {_listed(prepared.std)}, {_reason(choice, hints, wishes)}"
    )
    if hints.sources:
        print(f"read: {', '.join(hints.sources)}")
    for photo, items in outcome.found.items():
        named = ", ".join(
            f"{item.label} {item.probability:.2f} [{', '.join(f'{v:.0f}' for v in item.box)}]"
            for item in items[:_SHOWN]
        )
        print(f"{photo.path.name}: {named or 'nothing above 0.25'}")
    for photo, labels in outcome.classified.items():
        named = ", ".join(f"{one.label} {one.probability:.2f}" for one in labels[:_SHOWN])
        print(f"{photo.path.name}: {named or 'no label'}")
    if not outcome.strength and not outcome.classified:
        print("Nothing was found on the photos: test it on your own photos with --photos.")


def _reason(choice: Choice, hints: Hints, wishes: Wishes) -> str:
    if wishes.decide_input:
        return "as you say"
    if hints.says_input:
        return "from the file in its folder"
    if choice.outcome.classified:
        return (
            "usual for classifiers; if this one was trained otherwise, give --fit, --shorter-side,"
            " --mean and --std"
        )
    if not choice.rivals:
        return "the only usual settings under which it finds objects"
    rival = choice.rivals[0]
    other = rival.reading.input
    return (
        f"the settings that find most (strength {choice.outcome.strength:.2f}; next {other.fit},"
        f" {other.channels}, mean {_listed(other.mean)}, std {_listed(other.std)}:"
        f" {rival.strength:.2f})"
    )


def _listed(values: tuple[float, float, float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else ",".join(f"{v:g}" for v in values)


def show(detector: Detector, choice: Choice, out: Path) -> None:
    """Draws the detections on the first photo."""
    found, classified = choice.outcome.found, choice.outcome.classified
    photo = next(iter({**found, **classified}))
    items, labels = found.get(photo, []), classified.get(photo)
    width, height = photo.rgb.size
    data = photo.path.read_bytes()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(
        draw(detector, data, Detections(width, height, items, classifications=labels), "JPEG")
    )
    print(f"drew {photo.path.name} with its boxes: {out}")
