"""Chooses the reading under which a model finds objects on photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from app.vision import families
from app.vision.description import first_problem
from app.vision.families.base import Declared, Family
from app.vision.model import ultralytics
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec
from models.adoption.hints import Hints
from models.adoption.opened import Opened
from models.adoption.trial import Outcome, Reading, Trials
from models.common.commands import CommandError

_SOUND = 0.6
"""Required share of plausible boxes among the sure ones."""
_CONVINCING = 0.9
"""Required share of plausible boxes among all, if none is sure and the input is given."""
_CLEARLY = 0.1
"""Difference between two shares that decides between two readings."""
_USUAL = 1.6
"""The usual reading is preferred to another one that is not stronger by this factor."""
_DECIDING = ("fit", "std", "channels")
"""Options that together determine the preprocessing."""


@dataclass(frozen=True)
class Wishes:
    """The user's options."""

    family: str | None
    input: dict[str, Any]
    first_class: int | None = None
    scores: str | None = None

    @property
    def decide_input(self) -> bool:
        return all(key in self.input for key in _DECIDING)


@dataclass(frozen=True)
class Choice:
    outcome: Outcome
    fitting: list[str]
    """Names of the families under which objects are found."""
    rivals: list[Outcome]
    """Other inputs under which the same family finds objects, best first."""
    tried: int


def choose(
    opened: Opened, hints: Hints, labels: tuple[str, ...], wishes: Wishes, trials: Trials
) -> Choice:
    """Raises CommandError if no reading finds anything, or if all are implausible."""
    fitting = _families(opened, labels, wishes)
    classifiers = [family for family in fitting if family.task == "classify"]
    if classifiers and (hints.scores or classifiers == fitting):
        return _classifier(classifiers[0], opened, hints, wishes, trials)
    readings = [
        Reading(family, spec, prepared)
        for family in fitting
        for spec in _ways(family, opened, hints, labels, wishes)
        for prepared in _inputs(family, opened, hints, wishes)
    ]
    if not readings:
        raise CommandError(_no_way(fitting[0], opened, len(labels)))
    outcomes = [trials.run(reading) for reading in readings]
    good = [o for o in outcomes if not o.problem and o.strength > 0 and o.sound >= _SOUND]
    if not good:
        empty = [o for o in outcomes if not o.problem and not o.sure_boxes]
        best = max(empty, key=lambda o: o.plausible, default=None)
        decided = wishes.decide_input or hints.says_input
        if decided and best and (best.plausible >= _CONVINCING or len(outcomes) == 1):
            return Choice(best, [best.reading.family.name], [], len(outcomes))
        raise CommandError(_nothing(outcomes, fitting))
    best = good[0]
    for outcome in good[1:]:
        best = outcome if _better(outcome, best) else best
    same = [o for o in good if _way(o) == _way(best)]
    rivals = sorted((o for o in same if o is not best), key=lambda o: -o.strength)
    names = list(dict.fromkeys(o.reading.family.name for o in good))
    return Choice(best, names, rivals, len(outcomes))


def _classifier(
    family: Family, opened: Opened, hints: Hints, wishes: Wishes, trials: Trials
) -> Choice:
    """Photos cannot show how the input is prepared: the files or the usual values decide."""
    own_files = ultralytics.families(opened.stored)
    prepared = _inputs(family, opened, hints, wishes)
    usual = prepared[0] if own_files or hints.says_input or wishes.decide_input else prepared[-1]
    said = {**hints.input, **wishes.input}
    if usual.shorter_side is not None and "shorter_side" not in said:
        scale = min(usual.size) / min(family.input.size)
        usual = usual.model_copy(update={"shorter_side": round(usual.shorter_side * scale)})
    scores = wishes.scores or hints.scores
    if not scores:
        plain = trials.classify(Reading(family, OutputSpec(), usual), sure=-np.inf)
        scores = "probability" if plain.are_probabilities else "softmax"
    spec = OutputSpec.model_validate({"scores": scores})
    outcome = trials.classify(Reading(family, spec, usual), sure=0.0)
    if outcome.problem:
        raise CommandError(f"As {family.name} it {outcome.problem}.")
    return Choice(outcome, [family.name], [], 1)


def _families(opened: Opened, labels: tuple[str, ...], wishes: Wishes) -> list[Family]:
    declared, others = opened.signature.declared, opened.signature.others
    fed = [family for family in families.every() if family.can_feed(others)]
    named = {wishes.family, *(family.name for family in ultralytics.families(opened.stored))}
    likely = [family for family in fed if not family.by_name_only or family.name in named]
    fitting = [family for family in likely if family.bind(declared, len(labels))]
    if not wishes.family:
        fitting = [family for family in fitting if _has_meaning(family, declared, len(labels))]
    shapes = [list(shape) for shape in declared.values()]
    if wishes.family:
        wanted = families.get(wishes.family)
        if wanted in fitting:
            return [wanted]
        raise CommandError(
            f"{opened.path.name}: its outputs {shapes} are not those of the family {wanted.name}"
            f" with {len(labels)} labels, {wanted.layout}"
            + (f"; those that fit: {', '.join(f.name for f in fitting)}." if fitting else ".")
        )
    if fitting:
        return fitting
    open_ones = [family for family in likely if family.bind(declared, None)]
    if open_ones:
        told = "; ".join(f"{family.name} {family.layout}" for family in open_ones[:4])
        raise CommandError(
            f"{opened.path.name}: its outputs {shapes} fit no family with {len(labels)} labels:"
            f" check --labels ({told})."
        )
    raise CommandError(
        f"{opened.path.name}: its outputs {shapes} fit no family; 'python -m models.adopt"
        " --help' lists them. Export it in the format of one, with all output sides fixed."
    )


def _has_meaning(family: Family, declared: Declared, labels: int) -> bool:
    """Whether the outputs have a usual meaning, or columns that allow a precise error message."""
    return bool(family.ways is None or family.columns or family.ways(declared, labels, ""))


def _ways(
    family: Family, opened: Opened, hints: Hints, labels: tuple[str, ...], wishes: Wishes
) -> Sequence[OutputSpec | None]:
    if family.ways is None:
        return [None]
    declared = opened.signature.declared
    slots = max(hints.numbers) + 1 if hints.numbers else len(labels)
    found = family.ways(declared, slots, hints.model_type)
    numbers = hints.numbers
    if wishes.first_class is not None:
        numbers = tuple(range(wishes.first_class, wishes.first_class + len(labels)))
    if numbers is not None and (family.rows or family.columns):
        found = [spec.model_copy(update={"numbers": numbers}) for spec in found]
    return list(dict.fromkeys(found))


def _inputs(family: Family, opened: Opened, hints: Hints, wishes: Wishes) -> Sequence[InputSpec]:
    size = wishes.input.get("size") or opened.axes or hints.size
    if size is None:
        raise CommandError(
            "The file's axes are dynamic: give the largest input with --size, such as --size"
            f" {family.input.size[0]}."
        )
    if opened.axes is not None and tuple(size) != opened.axes:
        raise CommandError(f"--size is {size} (height, width), but the axes are {opened.axes}.")
    bytes_ = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    fixed = {
        **(bytes_ if opened.signature.takes_bytes else {}),
        **hints.input,
        **wishes.input,
        "size": size,
    }
    usual = [family.input, *([] if hints.says_input else family.usual_inputs)]
    if family.input_of_form is not None:
        signature = opened.signature
        usual.insert(
            0, family.input_of_form(signature.declared, signature.others, hints.model_type)
        )
    try:
        return list(
            dict.fromkeys(
                InputSpec.model_validate({**spec.model_dump(), **fixed}) for spec in usual
            )
        )
    except ValidationError as error:
        raise CommandError(
            f"The settings of the input are not valid {first_problem(error)}."
        ) from error


def _way(outcome: Outcome) -> tuple[str, OutputSpec | None]:
    return outcome.reading.family.name, outcome.reading.spec


def _better(a: Outcome, b: Outcome) -> bool:
    """Whether ``a`` is better than ``b``, which is the more usual one."""
    if a.agreeing != b.agreeing:
        return a.agreeing > b.agreeing
    if abs(a.plausible - b.plausible) > _CLEARLY:
        return a.plausible > b.plausible
    return a.strength > b.strength * _USUAL


def _no_way(family: Family, opened: Opened, labels: int) -> str:
    declared = opened.signature.declared
    if family.columns is None:
        shapes = [list(shape) for shape in declared.values()]
        return (
            f"{opened.path.name}: outputs {shapes} have no known meaning with {labels} labels;"
            f" check --labels (family {family.name}, {family.layout})."
        )
    return (
        f"{opened.path.name}: it has {family.columns(declared)} class columns, not {labels};"
        f" check --labels (family {family.name})."
    )


def _nothing(outcomes: list[Outcome], fitting: list[Family]) -> str:
    names = ", ".join(family.name for family in fitting)
    options = (
        "--photos FOLDER with photos that show its objects, --family, --size, --fit, --channels,"
        " --mean, --std, --first-class"
    )
    problems = list(dict.fromkeys(o.problem for o in outcomes if o.problem))
    if problems and all(o.problem for o in outcomes):
        return (
            f"Nothing was written: read as {names}, the model {problems[0]}. Its outputs may not be"
            f" those of the family with these labels. Options: {options}, --labels."
        )
    if any(o.sure_boxes for o in outcomes):
        return (
            f"Nothing was written: read as {names}, its boxes are infinite, as large as the"
            f" picture, or under two pixels. Options: {options}."
        )
    return (
        f"Nothing was written: it finds nothing above 0.25 on the photos (read as {names};"
        f" {len(outcomes)} readings tried), so its preprocessing is unknown. Options:"
        f" {options}. If --fit, --channels and --std are given, it is written with them."
    )
