"""One record a format: what is told of formats elsewhere is told by the registry."""

import re
import subprocess
import sys
from dataclasses import MISSING, fields
from importlib import import_module

import pytest
from PIL import Image

from app.http.openapi import DETECT_BODY
from app.vision.images import formats
from app.vision.images.formats.record import Format
from models.train.yolo_format import SUFFIXES
from tests.server import REPOSITORY
from tests.vision.pictures import READER, encode, full_size, quarters

FOLDER = REPOSITORY / "app" / "vision" / "images" / "formats"
ALWAYS = [each for each in formats.FORMATS if each.extra is None]


def test_a_format_can_forget_no_field_but_those_that_few_formats_need() -> None:
    defaults = {f.name for f in fields(Format) if f.default is not MISSING}
    assert all(f.default_factory is MISSING for f in fields(Format))
    assert defaults == {"variants", "extra", "scales", "releases_buffers", "most_reads"}


def test_every_module_beside_is_registered() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "record"}
    records = [import_module(f"app.vision.images.formats.{name}").FORMAT for name in modules]
    assert set(map(id, records)) == set(map(id, formats.FORMATS))


@pytest.mark.parametrize("form", ALWAYS, ids=lambda form: form.name)
def test_a_file_is_recognised_as_its_own_format_only(form: Format) -> None:
    data = encode(quarters(), form.pillow_name)
    assert [each for each in formats.FORMATS if each.begins(data)] == [form]
    assert formats.require(data) is form
    assert Image.MIME.get(form.pillow_name, form.media_type) == form.media_type
    assert Image.registered_extensions()[form.suffixes[0]] == form.pillow_name


def test_names_suffixes_and_media_types_are_of_one_format_each() -> None:
    names = [name for each in formats.FORMATS for name in (each.name, *each.variants)]
    suffixes = [suffix for each in formats.FORMATS for suffix in each.suffixes]
    for values in (names, suffixes, [each.media_type for each in formats.FORMATS]):
        assert len(set(values)) == len(values)


def test_documents_list_the_formats_of_the_registry() -> None:
    listed = formats.listed()
    assert listed == "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, QOI or MPO"
    assert f"Images may be {listed};" in " ".join((REPOSITORY / "README.md").read_text().split())
    assert listed in DETECT_BODY["requestBody"]["description"]


def test_the_trainer_reads_files_of_the_registry_s_suffixes() -> None:
    assert formats.suffixes() == SUFFIXES
    assert {".jpg", ".tif", ".avif", ".qoi"} <= SUFFIXES
    assert ".heic" not in SUFFIXES


def test_a_recognised_format_is_not_recognised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(quarters(), "PNG")
    found = formats.require(data)
    monkeypatch.setattr(formats, "require", lambda _: pytest.fail("recognised again"))
    assert READER.read(data, full_size, found).size == (96, 64)
    READER.check(data, full_size, found)


def test_decoders_are_loaded_by_a_file_of_their_format_only() -> None:
    script = (
        "import io, sys\n"
        "from app.vision.images import formats, reader\n"
        "def heavy():\n"
        "    return sorted(m for m in sys.modules if m.endswith('ImagePlugin') or 'iso_media' in m"
        " or 'images.tiff' in m)\n"
        "assert heavy() == [], heavy()\n"
        "formats.require(b'GIF89a').load_decoder()\n"
        "assert heavy() == ['PIL.GifImagePlugin'], heavy()\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


def test_formats_are_told_apart_in_their_own_modules_only() -> None:
    """By their records: nowhere else is ``image.format`` compared with a name."""
    for path in (REPOSITORY / "app").rglob("*.py"):
        if path.parent != FOLDER:
            assert not re.search(r"\.format\b\s*(==|!=|in\b|not\b)", path.read_text()), path
