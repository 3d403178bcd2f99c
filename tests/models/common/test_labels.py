from pathlib import Path

from models.common import labels


def test_a_file_of_labels_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffcat\r\ndog\r\n".encode())
    assert labels.parse(str(path)) == ("cat", "dog")


def test_labels_are_compared_without_case_and_outer_spaces() -> None:
    assert labels.fold_all(["Cat ", "dog"]) == labels.fold_all([" DOG", "cat"])
