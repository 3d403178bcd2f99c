import pytest

from models.common.splits import part_of


@pytest.mark.parametrize(
    ("split", "part"),
    [
        (None, "train"),
        ("train", "train"),
        ("", "train"),
        ("val", "val"),
        ("valid", "val"),
        ("Validation ", "val"),
        ("test", None),
        (0, None),
    ],
)
def test_what_a_split_is_for(split: object, part: str | None) -> None:
    assert part_of(split) == part
