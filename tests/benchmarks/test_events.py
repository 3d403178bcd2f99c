"""The report of the event side; the measuring itself needs minutes."""

from benchmarks.events import Rate, report


def test_ratios_are_those_of_each_turn() -> None:
    detect = [Rate(100, 2, 1), Rate(100, 4, 2), Rate(100, 1, 1)]
    worker = [Rate(90, 2, 1), Rate(80, 4, 2), Rate(50, 1, 1)]
    lines = report(detect, worker).splitlines()
    assert lines[2] == "| `/detect` | 50.0 | 10.0 |"
    assert lines[3] == "| worker | 45.0 | 20.0 |"
    assert lines[4] == "| worker / `/detect` | 0.80 | 0.80 of its images a CPU second |"
