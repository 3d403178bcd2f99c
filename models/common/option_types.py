"""Types of options for argparse: each parses a text or raises ArgumentTypeError."""

import argparse
import math


def count(text: str) -> int:
    """A whole number, 1 or more."""
    return _whole(text, 1)


def whole(text: str) -> int:
    """A whole number, 0 or more."""
    return _whole(text, 0)


def positive(text: str) -> float:
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"not a number above 0: {text!r}")
    return number


def not_negative(text: str) -> float:
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"not a number, 0 or more: {text!r}")
    return number


def share(text: str) -> float:
    """From 0 to 1, such as a confidence or an IoU."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"not a number from 0 to 1: {text!r}")
    return number


def share_below_1(text: str) -> float:
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"not a number from 0 to below 1: {text!r}")
    return number


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < least:
        raise argparse.ArgumentTypeError(f"not a whole number, {least} or more: {text!r}")
    return number


def _number(text: str) -> float:
    """NaN, which no range has, if it is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
