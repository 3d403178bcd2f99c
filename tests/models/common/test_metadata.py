import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vision.description import METADATA_KEY, Description
from app.vision.preprocess.input_spec import InputSpec
from models.common import metadata
from models.common.commands import CommandError
from tests.models import tiny


@pytest.fixture(scope="module")
def model() -> bytes:
    return bytes(tiny.conv_model().SerializeToString())


def entries(model: bytes) -> list[tuple[str, str]]:
    return [(entry.key, entry.value) for entry in onnx.ModelProto.FromString(model).metadata_props]


def test_appends_and_leaves_every_other_byte(model: bytes) -> None:
    written = metadata.write(model, {"key": "value"})
    assert written.startswith(model)
    assert entries(written) == [("key", "value")]


def test_replaces_all_entries_of_its_key_and_keeps_the_others(model: bytes) -> None:
    before = onnx.ModelProto.FromString(model)
    for key, value in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]:
        before.metadata_props.add(key=key, value=value)
    written = metadata.write(before.SerializeToString(), {"a": "new"})
    assert entries(written) == [("b", "2"), ("c", "4"), ("a", "new")]
    assert metadata.read(written) == {"a": "new", "b": "2", "c": "4"}


def test_unknown_fields_of_every_wire_type_stay(model: bytes) -> None:
    varint = bytes([0xF8, 0x7F, 0x85, 0x01])  # field 2047
    fixed64 = bytes([0xF9, 0x7F, *range(8)])
    delimited = bytes([0xFA, 0x7F, 0x03]) + b"xyz"
    fixed32 = bytes([0xFD, 0x7F, *range(4)])
    strange = fixed64 + delimited + model + varint + fixed32
    first = metadata.write(strange, {"key": "1"})
    assert first.startswith(strange)
    again = metadata.write(first, {"key": "2"})
    assert again.startswith(strange)
    assert metadata.read(again) == {"key": "2"}
    assert onnx.ModelProto.FromString(again).graph.node


def test_writing_the_same_twice_changes_nothing(model: bytes) -> None:
    once = metadata.write(model, {"a": "1", "b": "2"})
    assert metadata.write(once, {"a": "1", "b": "2"}) == once


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_values_of_any_size(model: bytes, size: int) -> None:
    value = "é" * size
    assert metadata.read(metadata.write(model, {"ключ": value})) == {"ключ": value}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=5))
def test_what_was_written_is_read(written: dict[str, str]) -> None:
    assert metadata.read(metadata.write(b"\x08\x09", written)) == written
    assert dict(entries(metadata.write(b"\x08\x09", written))) == written


def test_the_last_entry_of_a_key_holds(model: bytes) -> None:
    before = onnx.ModelProto.FromString(model)
    before.metadata_props.add(key="a", value="1")
    before.metadata_props.add(key="a", value="2")
    assert metadata.read(before.SerializeToString()) == {"a": "2"}


@pytest.mark.parametrize(
    "broken",
    [
        b"not an onnx file",
        b"\x3a\xff",  # a length without its end
        b"\x3a\x05abc",  # shorter than it says
        b"\x0b\x01",  # a wire type that has gone out of use
        b"\x00\x01",  # no field has the number 0
        b"\x08" + b"\xff" * 11,  # a number without end
        b"\x09\x01\x02",  # a cut fixed number
        b"\x72\x04\x0a\x09ab",  # a metadata entry whose key is longer than the entry
    ],
)
def test_a_broken_file_is_refused(broken: bytes) -> None:
    with pytest.raises(CommandError, match="truncated or corrupt"):
        metadata.write(broken, {"key": "value"})


def test_a_truncated_model_is_refused(model: bytes) -> None:
    with pytest.raises(CommandError):
        metadata.write(model[:-10], {"key": "value"})


def test_describes_in_the_form_that_the_service_reads(model: bytes) -> None:
    description = Description(
        family="yolov8", name="tiny", labels=("кот", "dog"), input=InputSpec(size=(64, 64))
    )
    stored = metadata.read(metadata.describe(model, description))[METADATA_KEY]
    assert Description.model_validate_json(stored) == description
