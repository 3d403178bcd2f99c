"""Rekognition's names and hierarchy, and a user's own."""

from pathlib import Path

import pytest

from app.errors import StartError
from app.rekognition.taxonomy import Taxonomy
from models.common.labels import COCO
from tests.http.client import drawn
from tests.rekognition.clients import boto, label, names
from tests.server import serve, start_failure

SHIPPED = Taxonomy.load()
HEADER = "name,labels,parents,aliases,categories\n"

# The categories that DetectLabels has.
CATEGORIES = {
    *("Animals and Pets", "Apparel and Accessories", "Beauty and Personal Care"),
    *("Everyday Objects", "Food and Beverage", "Furniture and Furnishings", "Home Appliances"),
    *("Home and Indoors", "Kitchen and Dining", "Materials", "Person Description"),
    *("Plants and Flowers", "Public Safety", "Sports", "Symbols and Flags"),
    *("Technology and Computing", "Text and Documents", "Tools and Machinery"),
    *("Toys and Gaming", "Transport and Logistics", "Travel and Adventure"),
    *("Vehicles and Automotive", "Weapons and Military"),
}


def extension(folder: Path, rows: str, header: str = HEADER) -> Path:
    path = folder / "labels.csv"
    path.write_text(header + rows, encoding="utf-8")
    return path


def test_all_of_coco_has_a_place() -> None:
    """With one category each; all ancestors are in the table too."""
    found = [SHIPPED.of_label(name) for name in COCO]
    assert len({entry.name for entry in found}) == len(COCO) == 80
    for entry in found:
        for name in (entry.name, *SHIPPED.ancestors(entry.name)):
            assert len(SHIPPED.entry(name).categories) == 1, name
            assert set(SHIPPED.entry(name).categories) <= CATEGORIES


@pytest.mark.parametrize(
    ("known", "name", "ancestors", "aliases", "category"),
    [
        ("person", "Person", [], ["Human"], "Person Description"),
        ("car", "Car", ["Transportation", "Vehicle"], ["Automobile"], "Vehicles and Automotive"),
        ("dog", "Dog", ["Animal", "Canine", "Mammal", "Pet"], [], "Animals and Pets"),
        ("couch", "Couch", ["Furniture"], [], "Furniture and Furnishings"),
        ("banana", "Banana", ["Food", "Fruit", "Plant", "Produce"], [], "Food and Beverage"),
        ("vase", "Vase", ["Jar", "Pottery"], [], "Home and Indoors"),
    ],
)
def test_names_are_rekognitions(
    known: str, name: str, ancestors: list[str], aliases: list[str], category: str
) -> None:
    entry = SHIPPED.of_label(known)
    assert entry.name == name
    assert list(SHIPPED.ancestors(name)) == ancestors
    assert list(entry.aliases) == aliases
    assert entry.categories == (category,)


@pytest.mark.parametrize(
    ("known", "name"), [("hard hat", "Hard Hat"), ("Hi-Vis vest", "Hi-Vis vest"), ("CAR", "Car")]
)
def test_a_label_without_a_place_keeps_its_name(known: str, name: str) -> None:
    assert SHIPPED.of_label(known).name == name


def test_a_users_table_adds_and_overrides(tmp_path: Path) -> None:
    path = extension(
        tmp_path,
        "Forklift,forklift;fork lift,Truck;Machine,Lift Truck,Tools and Machinery\n"
        "\n"
        "Cat,cat,Boss,,Public Safety;Animals and Pets\n",
    )
    taxonomy = Taxonomy.load(path)
    assert taxonomy.of_label("Fork Lift").name == "Forklift"
    assert taxonomy.ancestors("Forklift") == ("Machine", "Transportation", "Truck", "Vehicle")
    assert taxonomy.ancestors("Cat") == ("Boss",)
    assert taxonomy.entry("Cat").categories == ("Public Safety", "Animals and Pets")
    assert taxonomy.ancestors("Dog") == SHIPPED.ancestors("Dog")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("Forklift,forklift\n", "line 2"),
        (",forklift,,,\n", "line 2"),
        ("Egg,egg,Hen,,\nHen,hen,Egg,,\n", "'Egg' is an ancestor of itself"),
        ("Self,,Self,,\n", "'Self'"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, rows: str, told: str) -> None:
    with pytest.raises(StartError, match=told):
        Taxonomy.load(extension(tmp_path, rows))


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="first line"):
        Taxonomy.load(extension(tmp_path, "", header="label,name\n"))


def test_a_server_with_a_users_table(tmp_path: Path, scripted_model: Path) -> None:
    path = extension(tmp_path, "Kitty,cat,Boss,Puss,Rulers\n")
    with serve(scripted_model, taxonomy=str(path)) as server:
        found = boto(server).detect_labels(Image={"Bytes": drawn()})
    assert names(found)[:2] == ["Boss", "Kitty"]
    assert label(found, "Kitty")["Aliases"] == [{"Name": "Puss"}]
    assert label(found, "Kitty")["Categories"] == [{"Name": "Rulers"}]


def test_a_table_that_is_not_there_stops_the_start(scripted_model: Path) -> None:
    code, told = start_failure(scripted_model, taxonomy="/nowhere.csv")
    assert code != 0
    assert "SPOTTER_TAXONOMY=/nowhere.csv: cannot be read." in told
    assert "Traceback" not in told
