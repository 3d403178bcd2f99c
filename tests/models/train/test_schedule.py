import pytest

from models.train.augment import Recipe
from models.train.defaults import GUIDED
from models.train.schedule import Place, Schedule

pytestmark = pytest.mark.kit


def test_a_run_ends_by_hours_or_by_epochs() -> None:
    schedule = Schedule(320, hours=2.0, epochs=10.0)
    assert schedule.progress(3600, 1) == 0.5
    assert schedule.progress(0, 5) == 0.5
    assert schedule.progress(0, 20) == 1.0


def test_the_rate_warms_up_and_falls_to_its_floor() -> None:
    schedule = Schedule(320, None, 1.0)
    assert schedule.rate(0.0, 0, 100) == pytest.approx(0.01)
    assert schedule.rate(0.0, 99, 100) == pytest.approx(1.0)
    assert schedule.rate(1.0, 1000, 100) == pytest.approx(0.01)


def test_pictures_grow_to_the_final_side() -> None:
    schedule = Schedule(320, None, 1.0)
    assert [schedule.side_at(0.0, draw) for draw in (0.0, 0.5, 0.99)] == [128, 160, 192]
    assert [schedule.side_at(1.0, draw) for draw in (0.0, 0.5, 0.99)] == [288, 320, 352]
    assert Schedule(320, None, 1.0, progressive=False).side_at(0.0, 0.5) == 320


def test_the_last_stretch_is_calm() -> None:
    schedule = Schedule(320, None, 1.0)
    assert schedule.recipe_at(0.5, Recipe()) == Recipe()
    assert schedule.recipe_at(0.95, Recipe()).mixup == 0
    assert schedule.recipe_at(0.95, Recipe()).mosaic < Recipe().mosaic / 2


def test_a_longer_end_stretches_what_is_left_and_never_rewinds() -> None:
    first = Schedule(320, None, epochs=10.0)
    assert first.progress(0, 6.0) == pytest.approx(0.6)
    longer = Schedule(320, None, epochs=26.0).going_on(Place(0.0, 6.0, 0.6))
    assert longer.progress(0, 6.0) == pytest.approx(0.6)
    assert longer.progress(0, 16.0) == pytest.approx(0.8)
    assert longer.progress(0, 26.0) == pytest.approx(1.0)
    assert longer.rate(longer.progress(0, 7.0), 1000) < first.rate(0.6, 1000)


def test_a_nearer_end_cools_down_within_it() -> None:
    fork = Schedule(320, None, epochs=8.0).going_on(Place(0.0, 6.0, 0.1))
    assert fork.progress(0, 7.0) == pytest.approx(0.55)
    assert not fork.ended(0, 7.9)
    assert fork.ended(0, 8.0)


def test_hours_do_not_rewind_either() -> None:
    longer = Schedule(320, hours=4.0, epochs=None).going_on(Place(3600.0, 3.0, 0.5))
    assert longer.progress(3600, 3.0) == pytest.approx(0.5)
    assert longer.progress(2.5 * 3600, 5.0) == pytest.approx(0.75)


def test_a_finished_run_that_is_lengthened_stays_at_the_lowest_rate() -> None:
    longer = Schedule(320, None, epochs=13.0).going_on(Place(0.0, 12.0, 1.0))
    assert longer.progress(0, 12.5) == 1.0
    assert not longer.ended(0, 12.5)


def test_a_run_whose_end_lies_behind_it_has_ended() -> None:
    behind = Schedule(320, None, epochs=5.0).going_on(Place(0.0, 6.0, 0.6))
    assert behind.ended(0, 6.0)
    assert behind.progress(0, 6.0) == 1.0


def test_a_teacher_is_followed_ever_less() -> None:
    schedule = Schedule(320, None, 1.0)
    weights = [schedule.guidance(p) for p in (0.0, GUIDED / 2, GUIDED, 1.0)]
    assert weights == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert Schedule(320, None, 1.0, guided=1.0).guidance(0.75) == pytest.approx(0.25)
    assert Schedule(320, None, 1.0, guided=0.0).guidance(0.0) == 0.0


def test_a_warm_restart_raises_the_rate_of_a_finished_run_only() -> None:
    finished = Place(3600.0, 12.0, 1.0)
    longer = Schedule(320, None, epochs=18.0).going_on(finished.restarted(0.6))
    assert longer.progress(0, 12.0) == pytest.approx(0.6)
    assert longer.progress(0, 15.0) == pytest.approx(0.8)
    assert longer.rate(longer.progress(0, 12.0), 1000) > 0.3
    assert finished.restarted(None) == finished
    underway = Place(3600.0, 12.0, 0.7)
    assert underway.restarted(0.6) == underway
