"""Several processes train one detector."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.train import export
from models.train.command import main
from models.train.parallel import Group, GroupError
from tests.server import REPOSITORY

pytestmark = pytest.mark.kit

COMMON = ["--imgsz", "96", "--stored-side", "128", "--workers", "0", "--rate", "0.03"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

AVERAGE = """
from pathlib import Path
import torch
from models.train.parallel import join
group = join(torch.device("cpu"))
one, two = torch.full((2, 3), 1.0 + group.rank), torch.tensor([10.0 * group.rank])
turned = torch.arange(6.0).view(2, 3).mul(1 + group.rank).t()  # not contiguous
group.average([one, two, turned])
assert one.tolist() == [[1.5] * 3] * 2, one
assert two.tolist() == [5.0], two
assert turned.tolist() == [[0.0, 4.5], [1.5, 6.0], [3.0, 7.5]], turned
assert group.leads == (group.rank == 0)
group.leave()
Path(__file__).with_name(f"rank{group.rank}").write_text(str(group.size))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TORCHRUN, *arguments], capture_output=True, text=True, timeout=240, cwd=REPOSITORY
    )


def test_every_process_gets_the_mean(tmp_path: Path) -> None:
    script = tmp_path / "average.py"
    script.write_text(AVERAGE)
    done = run(str(script))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in tmp_path.glob("rank*")} == {
        "rank0": "2",
        "rank1": "2",
    }


def test_two_processes_train_one_detector(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    folder = tmp_path / "here"
    options = ["--out", str(out), "--epochs", "12", "--batch", "8", "--mosaic", "0", *COMMON]
    # Without the dashes, torchrun would take --run for one of its own options.
    done = run("-m", "--", "models.train", str(drawn), *options, "--run", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1
    state = torch.load(folder / "last.pt", weights_only=True)
    assert state["seen"] == 8 * state["step"]  # 4 of each
    assert state["history"][-1]["score"] < state["history"][0]["score"]
    assert export.read(out).place is not None


def test_processes_stop_together(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    options = ["--out", str(out), "--epochs", "5000", "--batch", "8", *COMMON, "--workers", "1"]
    process = subprocess.Popen(
        [*TORCHRUN, "-m", "--", "models.train", str(drawn), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stderr is not None
    while (line := process.stderr.readline()) and "epoch" not in line:
        pass
    process.terminate()
    process.communicate(timeout=200)
    state = torch.load(out.with_suffix(".run") / "last.pt", weights_only=True)
    assert state["seen"] == 8 * state["step"] > 0
    assert not out.exists()


def test_a_batch_that_cannot_be_shared_is_refused(drawn: Path, tmp_path: Path) -> None:
    done = run(
        "-m", "--", "models.train", str(drawn), "--out", str(tmp_path / "x.onnx"), "--batch", "7"
    )
    assert done.returncode != 0
    assert "--batch 7 cannot be shared by 2 processes" in done.stderr


def test_graphics_cards_are_not_shared(
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit):
        main([str(drawn), "--out", str(tmp_path / "x.onnx"), "--device", "cuda", *COMMON])
    assert "can only train on CPUs; add --device cpu" in capsys.readouterr().err


def test_one_process_keeps_what_it_has() -> None:
    value = torch.ones(3)
    Group().average([value])
    assert value.tolist() == [1.0] * 3
    assert Group().share(7) == 7
    with pytest.raises(GroupError):
        Group(1, 2).share(7)
