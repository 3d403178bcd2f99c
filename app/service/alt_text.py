"""Turns detections into a sentence for an image's alt attribute."""

from collections import defaultdict

from app.vision.detections import Detections

_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
_PLURALS = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "knife": "knives",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "aircraft": "aircraft",
    "skis": "pairs of skis",
    "scissors": "pairs of scissors",
}
_SINGULARS = {"skis": "a pair of skis", "scissors": "a pair of scissors"}
# Words whose first letter does not show the sound that they begin with.
_ARTICLES = {"uniform": "a", "unicycle": "a", "hour": "an", "hourglass": "an"}


def alt_text(found: Detections) -> str:
    """A sentence such as "A bus and four people.", largest area first.

    For a classified picture it names the best label only, such as "A photo of a beach.": the
    others are mostly synonyms.
    """
    if found.classifications is not None:
        if not found.classifications:
            return "Nothing was recognised."
        best = found.classifications[0].label
        return f"A photo of {_SINGULARS.get(best) or f'{_article(best)} {best}'}."
    counts: dict[str, int] = defaultdict(int)
    areas: dict[str, float] = defaultdict(float)
    for item in found.items:
        counts[item.label] += 1
        areas[item.label] += item.box[2] * item.box[3]
    if not counts:
        return "No objects were recognised."
    ranked = sorted(counts, key=lambda label: -areas[label])
    *before, last = [_phrase(label, counts[label]) for label in ranked]
    sentence = f"{', '.join(before)} and {last}" if before else last
    return sentence[0].upper() + sentence[1:] + "."


def _phrase(label: str, count: int) -> str:
    if count == 1:
        return _SINGULARS.get(label) or f"{_article(label)} {label}"
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {plural(label)}"


def _article(label: str) -> str:
    first = label.partition(" ")[0].lower()
    return _ARTICLES.get(first) or ("an" if first.startswith(tuple("aeiou")) else "a")


def plural(label: str) -> str:
    *before, noun = label.split(" ")
    irregular = _PLURALS.get(noun.lower())
    if irregular is None:
        if noun.endswith(("s", "x", "z", "ch", "sh")):
            irregular = noun + "es"
        elif noun.endswith("y") and noun[-2:-1] not in "aeiou":
            irregular = noun[:-1] + "ies"
        else:
            irregular = noun + "s"
    return " ".join([*before, irregular])
