"""Image files made, or bent, to break the server: none does, nor costs more than others."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.bombs import BOMBS
from tests.hostile.corpus import Sample, attacks
from tests.hostile.hunt import DECODERS, MOST_GROWTH, Hunt, Workers, hunting
from tests.hostile.kinds import LARGEST, Kind, all_kinds
from tests.hostile.mutate import mutant
from tests.server import REPOSITORY

COUNT = 2500


def judged(hunt: Hunt, workers: Workers, data: bytes) -> str:
    """What came of it, once nothing is wrong with how it was dealt with."""
    before = hunt.outcomes.copy()
    assert workers.judge(data) == []
    (outcome,) = hunt.outcomes - before
    return outcome


@pytest.fixture(scope="module")
def bombed() -> Iterator[tuple[Hunt, Workers]]:
    with hunting() as pair:
        yield pair
    assert pair[0].noise == ""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(bombed: tuple[Hunt, Workers], name: str) -> None:
    """At most two seconds of CPU time, and no more memory than is set aside."""
    expected, make = BOMBS[name]
    data = make()
    assert len(data) <= LARGEST
    assert judged(*bombed, data) == expected


@pytest.mark.parametrize("sample", attacks(), ids=lambda sample: sample.name)
def test_what_was_found_before(bombed: tuple[Hunt, Workers], sample: Sample) -> None:
    assert bombed[1].judge(sample.data) == []


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: f"{kind.form}-{kind.name}")
def test_what_amplifies_a_part_of_its_format(bombed: tuple[Hunt, Workers], kind: Kind) -> None:
    """A few files of each kind; ``python -m tests.hostile.costs`` has more, and larger ones."""
    for size in (3000, 60_000):
        data = kind.file(random.Random(f"{kind.name}/{size}"), size)
        assert bombed[1].judge(data) == []


def test_mutants() -> None:
    """The first of those that ``python -m tests.hostile.fuzz`` goes through."""
    with hunting() as (hunt, workers):
        wrong = {
            (number, sample.name): found
            for number in range(COUNT)
            for sample in [mutant(1, number)]
            if (found := workers.judge(sample.data))
        }
    assert wrong == {}
    assert hunt.noise == ""
    assert hunt.grown < MOST_GROWTH
    assert hunt.decoders | {"Mpo"} == DECODERS
    assert hunt.outcomes.keys() == {
        *("decoded", "InvalidImage", "InvalidImageFormat", "ImageTooLarge")
    }
    assert min(hunt.outcomes.values()) > COUNT / 100


def test_the_same_seed_gives_the_same_files() -> None:
    assert [mutant(7, n) for n in range(30)] == [mutant(7, n) for n in range(30)]
    assert mutant(7, 1) != mutant(8, 1)


def test_the_command_says_what_it_saw(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.hostile.fuzz", "--count", "40", "--save", str(tmp_path)),
            *("--requests", "60"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "40 files from 0 with seed 1" in done.stdout
    assert "60 requests from 0 with seed 1" in done.stdout
    assert done.stdout.count(" 0 dealt with wrongly") == 2
    assert not list(tmp_path.iterdir())


PLUGINS = r"""
import json, sys
from pathlib import Path
from PIL import Image
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader

reader = ImageReader(10**6, DecodingBudget(10**8))
answers = {}
for path in map(Path, sys.argv[1:]):
    try:
        reader.read(path.read_bytes(), lambda size: size)
        answers[path.name] = "decoded"
    except Exception as error:
        answers[path.name] = type(error).__name__
loaded = [name for name in sys.modules if name.startswith("PIL.") and name.endswith("ImagePlugin")]
print(json.dumps([answers, sorted(loaded), sorted(Image.OPEN)]))
"""


def test_a_format_that_is_not_allowed_loads_nothing(tmp_path: Path) -> None:
    """Not even the five decoders that ``Image.open`` always loads."""
    from PIL import Image

    for form in ("PPM", "ICO", "TGA", "PCX", "ICNS", "DDS", "SGI", "JPEG2000", "EPS", "PDF", "PNG"):
        Image.new("RGB", (32, 32)).save(tmp_path / form, form)
    (tmp_path / "SVG").write_bytes(b"<svg/>")
    files = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", PLUGINS, *map(str, files)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    answers, loaded, openers = json.loads(done.stdout)
    assert answers.pop("PNG") == "decoded"
    assert set(answers.values()) == {"InvalidImageFormat"}
    assert len(answers) == len(files) - 1
    assert set(loaded) == {"PIL.PngImagePlugin", "PIL.TiffImagePlugin"}  # whose form EXIF has
    assert set(openers) == {"PNG", "TIFF"}
