import pytest

from app.events.envelopes import NotUnderstood
from app.events.notice import Notice, notices
from tests.events.records import bridge_event, recorded, s3_event


def test_whole_recorded_events_are_read() -> None:
    key = "b21b84d653bb07b05b1e6b33684dc11b"
    assert list(notices(recorded("s3"))) == [
        Notice("amzn-s3-demo-bucket", key, None, "0C0F6F405D6ED209E1".ljust(32, "0"))
    ]
    assert list(notices(recorded("event-bridge"))) == [
        Notice(
            "amzn-s3-demo-bucket1",
            "example-key",
            "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "617F08299329D189".ljust(32, "0"),
        )
    ]


def test_what_tells_of_no_object_that_came_or_went_is_passed_over() -> None:
    assert list(notices(recorded("s3-test-event"))) == []
    for name in ("ObjectTagging:Put", "ObjectRestore:Completed", "ObjectAcl:Put", "Replication:X"):
        event = s3_event("b", "k")
        event["Records"][0]["eventName"] = name
        assert list(notices(event)) == []
    assert list(notices({**bridge_event("b", "k"), "detail-type": "Object Tags Added"})) == []


def test_a_whole_recorded_removal_is_read() -> None:
    (notice,) = notices(recorded("s3-removed"))
    assert notice.removed
    assert notice.version == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    assert notice.sequencer == "0C0F6F405D6ED20A00".ljust(32, "0")


@pytest.mark.parametrize("key", ["a b+c/ü%41.jpg", "plain.jpg", "100%.png", "ä+ä"])
def test_keys_are_encoded_by_s3_and_not_by_event_bridge(key: str) -> None:
    for event in (s3_event("b", key), bridge_event("b", key)):
        assert [notice.key for notice in notices(event)] == [key]


def test_directories_are_no_objects() -> None:
    event = s3_event("b", "folder/", "folder/photo.jpg", "folder/sub/")
    assert [notice.key for notice in notices(event)] == ["folder/photo.jpg"]
    assert list(notices(bridge_event("b", "folder/"))) == []


@pytest.mark.parametrize(
    ("older", "newer"), [("0055AED6DCD90281E5", "0055AED6DCD90281E6"), ("9", "91"), ("a1", "A2")]
)
def test_sequencers_of_any_length_compare(older: str, newer: str) -> None:
    first, second = (next(notices(s3_event("b", "k", sequencer=text))) for text in (older, newer))
    assert first.sequencer < second.sequencer


def test_without_a_sequencer_a_notice_is_older_than_any() -> None:
    event = s3_event("b", "k")
    del event["Records"][0]["s3"]["object"]["sequencer"]
    assert (
        next(notices(event)).sequencer < next(notices(s3_event("b", "k", sequencer="0"))).sequencer
    )


@pytest.mark.parametrize("name", ["sns", "scheduled"])
def test_other_events_are_not_understood(name: str) -> None:
    with pytest.raises(NotUnderstood):
        list(notices(recorded(name)))


def test_an_event_that_is_cut_short_is_not_understood() -> None:
    broken = s3_event("b", "k")
    del broken["Records"][0]["s3"]["bucket"]
    for event in (broken, {"Records": ["text"]}, {"source": "aws.s3"}):
        with pytest.raises(NotUnderstood):
            list(notices(event))
