import argparse
from collections.abc import Callable

import pytest

from models.common import option_types as types


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (types.count, "1 32", "0 -1 1.5 many nan"),
        (types.whole, "0 4", "-1 0.5 many"),
        (types.positive, "0.001 7", "0 -1 nan inf many"),
        (types.not_negative, "0 7.5", "-0.1 nan inf many"),
        (types.share, "0 0.5 1", "-0.1 1.1 7 nan inf many"),
        (types.share_below_1, "0 0.5", "1 -1 nan many"),
    ],
)
def test_numbers_of_options(parse: Callable[[str], float], good: str, bad: str) -> None:
    for text in good.split():
        assert parse(text) == float(text)
    for text in bad.split():
        with pytest.raises(argparse.ArgumentTypeError, match=f"^not a .*'{text}'$"):
            parse(text)
