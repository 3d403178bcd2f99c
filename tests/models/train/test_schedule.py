import pytest

from models.train.augment import Recipe
from models.train.schedule import Schedule

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
