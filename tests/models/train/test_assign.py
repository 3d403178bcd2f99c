import pytest
import torch
from torch import Tensor

from models.train.assign import Targets, assign, usual_candidates

pytestmark = pytest.mark.kit


def grid(side: int = 4, stride: float = 8.0) -> Tensor:
    steps = (torch.arange(side) + 0.5) * stride
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), 1)


def targets(rows: list[tuple[int, int, list[float], bool]], labels: int = 3) -> Targets:
    return Targets(
        torch.tensor([row[0] for row in rows], dtype=torch.int64),
        torch.tensor([row[1] for row in rows], dtype=torch.int64),
        torch.tensor([row[2] for row in rows]).reshape(-1, 4),
        torch.tensor([row[3] for row in rows], dtype=torch.bool),
        torch.eye(labels)[[row[1] for row in rows]],
    )


def around(points: Tensor, half: float) -> Tensor:
    return torch.cat((points - half, points + half), 1)[None]


def test_anchors_inside_the_object_are_chosen_and_the_best_gets_its_overlap() -> None:
    points = grid()
    boxes = around(points, 8.0)
    scores = torch.full((1, 16, 3), 0.5)
    found = assign(scores, boxes, points, targets([(0, 1, [0.0, 0, 16, 16], False)]))
    assert sorted(found.anchor.tolist()) == [0, 1, 4, 5]
    assert found.scores[0, :, [0, 2]].sum() == 0
    # Every candidate's box is 8 pixels off: 12 * 12 shared of 2 * 256 - 144.
    assert found.quality.max().item() == pytest.approx(144 / 368, abs=1e-4)
    assert found.scores[0, 0, 1] == found.quality[found.anchor == 0]
    assert found.counted.min() == 1


def test_an_anchor_wanted_twice_goes_to_the_object_it_overlaps_most() -> None:
    points = grid()
    boxes = around(points, 8.0)
    both = [(0, 0, [0.0, 0, 32, 32], False), (0, 1, [4.0, 4, 20, 20], False)]
    found = assign(torch.full((1, 16, 2), 0.5), boxes, points, targets(both, 2))
    assert len(set(found.anchor.tolist())) == len(found.anchor)
    small = found.anchor[(found.boxes == torch.tensor([4.0, 4, 20, 20])).all(1)]
    assert 5 in small.tolist()


def test_a_better_score_of_the_class_wins() -> None:
    points = grid()
    scores = torch.full((1, 16, 1), 0.1)
    scores[0, 5] = 0.9
    row = targets([(0, 0, [0.0, 0, 32, 32], False)], 1)
    found = assign(scores, around(points, 8.0), points, row, candidates=1)
    assert found.anchor.tolist() == [5]


def test_an_ignored_box_is_no_object_and_no_background_of_its_class() -> None:
    points = grid()
    rows = targets([(1, 2, [0.0, 0, 16, 16], True)])
    found = assign(torch.full((2, 16, 3), 0.5), around(points, 8.0), points, rows)
    assert len(found.anchor) == 0
    assert found.counted[1, [0, 1, 4, 5], 2].tolist() == [0.0] * 4
    assert found.counted.sum() == found.counted.numel() - 4


def test_an_object_inside_an_ignored_box_still_counts() -> None:
    points = grid()
    rows = [(0, 0, [0.0, 0, 32, 32], True), (0, 0, [0.0, 0, 16, 16], False)]
    found = assign(torch.full((1, 16, 1), 0.5), around(points, 8.0), points, targets(rows, 1))
    assert sorted(found.anchor.tolist()) == [0, 1, 4, 5]
    assert found.counted[0, found.anchor, 0].min() == 1
    assert found.counted.sum() == 4


def test_a_batch_without_objects() -> None:
    points = grid()
    found = assign(torch.full((2, 16, 3), 0.5), around(points, 8.0), points, targets([]))
    assert len(found.quality) == 0
    assert found.scores.sum() == 0


def test_soft_labels_are_wanted_in_proportion() -> None:
    points = grid()
    row = targets([(0, 1, [0.0, 0, 16, 16], False)])
    soft = row._replace(wanted=torch.tensor([[0.2, 0.6, 0.0]]))
    scores = torch.full((1, 16, 3), 0.5)
    found, before = (assign(scores, around(points, 8.0), points, each) for each in (soft, row))
    assert torch.allclose(found.quality, 0.6 * before.quality)
    assert torch.allclose(found.scores[..., 1], 0.6 * before.scores[..., 1])
    assert torch.allclose(found.scores[..., 0], 0.2 * before.scores[..., 1])
    assert found.scores[..., 2].sum() == 0


@pytest.mark.parametrize(("anchors", "count"), [(2100, 10), (8400, 10), (525, 5), (84, 4)])
def test_small_grids_have_fewer_candidates(anchors: int, count: int) -> None:
    assert usual_candidates(anchors) == count
