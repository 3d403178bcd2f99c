"""``python -m tests.hostile.sweep FOLDER ...``: reads every file in whole folders, as the service.

One line tells each file that is refused, with the code, and whether Pillow itself reads it: the
place to look for sound pictures that are turned away. The exit code is 1 if a file breaks the rule
on time and memory, or ends in anything but pixels or one of three refusals.
"""

import argparse
import io
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.hostile.hunt import MOST_GROWTH, hunting


def main() -> int:
    options = _options()
    wrong_files = 0
    missed: Counter[str] = Counter()
    with hunting() as (hunt, workers):
        for path in files(options.folders):
            data = path.read_bytes()
            before = hunt.outcomes.copy()
            if wrong := workers.judge(data):
                wrong_files += 1
                _say(f"WRONG {path}: {', '.join(wrong)}")
                continue
            (outcome,) = hunt.outcomes - before
            if outcome == "decoded":
                continue
            sound = pillow_reads(data)
            missed[outcome] += sound
            _say(f"{outcome:<20} {'read by Pillow' if sound else '':<15} {path}")
    outcomes = dict(hunt.outcomes.most_common())
    _say(f"{hunt.seen} files: {outcomes}, {wrong_files} dealt with wrongly")
    _say(f"refused, and read by Pillow: {dict(missed.most_common())}")
    _say(f"slowest {hunt.slowest:.2f} s of CPU, at most {hunt.peak / 1e6:.0f} MB over idle")
    return 1 if wrong_files or hunt.noise or hunt.grown > MOST_GROWTH else 0


def files(folders: list[Path]) -> Iterator[Path]:
    """Every file below ``folders``, in order."""
    for folder in folders:
        found = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        yield from (path for path in found if path.is_file())


def pillow_reads(data: bytes) -> bool:
    """Whether Pillow decodes every pixel of the first frame."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                image.load()
    except Exception:
        return False
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
