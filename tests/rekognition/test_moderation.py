"""DetectModerationLabels by boto3, and the table that maps a model's labels."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.errors import StartError
from app.rekognition.moderation_labels import moderation_labels
from app.rekognition.moderation_table import ModerationTable
from app.vision.detections import Classification, Detections
from tests.http.client import drawn
from tests.rekognition.clients import boto, inline, post
from tests.rekognition.shapes import faults, output_shape
from tests.server import serve, start_failure

IMAGE = {"Bytes": drawn()}
TABLE = """\
name,labels,parent,level
Violence,,,1
Weapons,,Violence,2
Weapon Violence,cat; bus,Weapons,3
Alcohol,dog,,1
Illustrated,traffic light,,
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("moderation") / "moderation.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture(scope="module")
def client(scripted_model: Path, table: Path) -> Any:
    with serve(scripted_model, moderation=str(table)) as server:
        yield boto(server)


def names(answer: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [
        (one["Name"], one["ParentName"], one["TaxonomyLevel"]) for one in answer["ModerationLabels"]
    ]


def test_labels_come_with_their_parents(client: Any) -> None:
    answer = client.detect_moderation_labels(Image=IMAGE)
    assert names(answer) == [
        ("Violence", "", 1),
        ("Weapons", "Violence", 2),
        ("Weapon Violence", "Weapons", 3),
        ("Alcohol", "", 1),
    ]
    first = answer["ModerationLabels"][0]["Confidence"]
    assert first == pytest.approx(91.23456, abs=1e-3)
    assert answer["ContentTypes"] == []  # the traffic light is below 50
    assert answer["ModerationModelVersion"].startswith("scripted-")


def test_the_least_confidence(client: Any) -> None:
    everything = client.detect_moderation_labels(Image=IMAGE, MinConfidence=0)
    assert [one["Name"] for one in everything["ContentTypes"]] == ["Illustrated"]
    assert names(client.detect_moderation_labels(Image=IMAGE, MinConfidence=90)) == [
        ("Violence", "", 1),
        ("Weapons", "Violence", 2),
        ("Weapon Violence", "Weapons", 3),
    ]
    assert names(client.detect_moderation_labels(Image=IMAGE, MinConfidence=100)) == []


def test_the_answer_has_amazon_s_shape(scripted_model: Path, table: Path) -> None:
    with serve(scripted_model, moderation=str(table)) as server:
        sent = inline(drawn(), MinConfidence=0)
        answer = post(server, sent, target="RekognitionService.DetectModerationLabels")
    assert answer.status_code == 200
    assert faults(answer.json(), output_shape("DetectModerationLabels")) == []


def test_without_a_table_the_error_says_what_to_set(rekognition: Any) -> None:
    with pytest.raises(ClientError) as caught:
        rekognition.detect_moderation_labels(Image=IMAGE)
    error = caught.value.response["Error"]
    assert error["Code"] == "ResourceNotFoundException"
    assert "SPOTTER_MODERATION" in error["Message"]


def test_labels_of_whole_pictures_count(table: Path) -> None:
    found = Detections(
        8, 8, [], classifications=[Classification("BUS", 0, 0.7), Classification("safe", 1, 0.3)]
    )
    answer = moderation_labels(found, ModerationTable.load(table))
    assert [one["Name"] for one in answer["ModerationLabels"]] == [
        "Violence",
        "Weapons",
        "Weapon Violence",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,label\n", "first line has to be name,labels,parent,level"),
        ("name,labels,parent,level\nA,a,,4\n", "line 2: has to be a name"),
        ("name,labels,parent,level\nA,a\n", "line 2: has to be a name"),
        ("name,labels,parent,level\nA,a,,1\nA,b,,1\n", "'A' has two rows"),
        ("name,labels,parent,level\nA,a,B,2\n", "'A' of level 2 has the parent 'B'"),
        ("name,labels,parent,level\nA,a,,2\n", "'A' of level 2 has the parent ''"),
        ("name,labels,parent,level\nB,,,1\nA,a,B,3\n", "'A' of level 3 has the parent 'B'"),
        ("name,labels,parent,level\nA,a,A,1\n", "'A' of level 1 has the parent 'A'"),
        ("name,labels,parent,level\nB,,,1\nA,a,B,\n", "'A' of level none has the parent 'B'"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(StartError, match=told):
        ModerationTable.load(path)


def test_a_table_that_is_not_there_stops_the_start(scripted_model: Path) -> None:
    code, told = start_failure(scripted_model, moderation="/nowhere.csv")
    assert code != 0
    assert "SPOTTER_MODERATION=/nowhere.csv: cannot be read." in told
