"""Quality and colours of pictures that are known: through boto3."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from app.rekognition.colours import dominant, nearest
from tests.rekognition.clients import label
from tests.rekognition.shapes import faults, leanness, output_shape


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def striped(size: int = 256, step: int = 16) -> Image.Image:
    """Black and white, and a picture of which half is white."""
    image = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(image)
    for x in range(0, size, 2 * step):
        draw.rectangle((x, 0, x + step - 1, size), fill="black")
    return image


def detect(rekognition: Any, image: Image.Image, **parameters: Any) -> dict[str, Any]:
    parameters.setdefault("Features", ["IMAGE_PROPERTIES"])
    answer: dict[str, Any] = rekognition.detect_labels(
        Image={"Bytes": encoded(image)}, **parameters
    )
    answer.pop("ResponseMetadata")
    assert faults(answer, output_shape()) == []
    return answer


def measured(rekognition: Any, image: Image.Image, **parameters: Any) -> dict[str, Any]:
    properties: dict[str, Any] = detect(rekognition, image, **parameters)["ImageProperties"]
    return properties


def colours(part: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [
        (one["CSSColor"], one["SimplifiedColor"], round(one["PixelPercent"]))
        for one in part["DominantColors"]
    ]


def test_colours_are_described_as_the_css_colour_that_is_nearest(rekognition: Any) -> None:
    found = measured(rekognition, Image.new("RGB", (80, 60), (50, 80, 80)))
    assert found["DominantColors"] == [
        {
            "Red": 47,
            "Green": 79,
            "Blue": 79,
            "HexCode": "#2f4f4f",
            "CSSColor": "darkslategrey",
            "SimplifiedColor": "grey",
            "PixelPercent": 100.0,
        }
    ]


def test_the_most_frequent_colour_comes_first_and_few_pixels_do_not_count(rekognition: Any) -> None:
    image = Image.new("RGB", (100, 100), "tomato")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 99, 29), fill="gold")
    draw.rectangle((0, 90, 99, 99), fill="navy")
    draw.point((50, 50), fill="white")
    assert colours(measured(rekognition, image)) == [
        ("tomato", "red", 60),
        ("gold", "yellow", 30),
        ("navy", "blue", 10),
    ]


@pytest.mark.parametrize(("most", "count"), [(0, 0), (1, 1), (7, 7), (20, 20), (None, 10)])
def test_max_dominant_colors(rekognition: Any, most: int | None, count: int) -> None:
    shades = """red lime blue yellow cyan magenta black white gray maroon olive navy purple teal
    silver orange pink brown indigo gold khaki plum""".split()
    image = Image.new("RGB", (10 * len(shades), 20))
    for index, shade in enumerate(shades):
        image.paste(shade, (10 * index, 0, 10 * index + 10, 20))
    settings = {} if most is None else {"MaxDominantColors": most}
    answer = detect(
        rekognition,
        image,
        Settings={"ImageProperties": settings},
        Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"],
    )
    properties = answer["ImageProperties"]
    assert len(properties["DominantColors"]) == count
    instance = label(answer, "Cat")["Instances"][0]
    for part in (properties["Foreground"], properties["Background"], instance):
        assert len(part["DominantColors"]) <= count


def test_brightness(rekognition: Any) -> None:
    shades = [
        measured(rekognition, Image.new("L", (32, 32), shade))["Quality"]["Brightness"]
        for shade in (0, 51, 255)
    ]
    assert shades == pytest.approx([0, 20, 100])


def test_contrast(rekognition: Any) -> None:
    flat = measured(rekognition, Image.new("L", (64, 64), 100))["Quality"]["Contrast"]
    full = measured(rekognition, striped())["Quality"]["Contrast"]
    assert (flat, full) == (0, 100)


def test_sharpness_falls_as_a_picture_is_blurred(rekognition: Any) -> None:
    pictures = [striped().filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 1, 3, 8)]
    found = [measured(rekognition, picture)["Quality"]["Sharpness"] for picture in pictures]
    assert found == sorted(found, reverse=True)
    assert found[0] > 90
    assert found[-1] < 15
    assert measured(rekognition, Image.new("RGB", (9, 9)))["Quality"]["Sharpness"] == 0


def test_objects_are_the_foreground(rekognition: Any) -> None:
    """The scripted cat lies in a white picture where it is painted green; the dog above it too."""
    image = Image.new("RGB", (64, 64), "black")
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 25, 40, 34), fill="green")
    draw.rectangle((0, 0, 13, 24), fill="green")
    found = measured(rekognition, image)
    assert found["Foreground"]["DominantColors"][0]["CSSColor"] == "green"
    assert found["Foreground"]["DominantColors"][0]["PixelPercent"] > 85
    assert found["Background"]["DominantColors"][0]["CSSColor"] == "black"
    assert found["Background"]["DominantColors"][0]["PixelPercent"] > 99
    assert found["Foreground"]["Quality"].keys() == {"Brightness", "Sharpness"}


def test_without_objects_the_middle_is_the_foreground(rekognition: Any) -> None:
    image = Image.new("RGB", (64, 64), "teal")
    ImageDraw.Draw(image).rectangle((16, 16, 47, 47), fill="blue")
    found = measured(rekognition, image, MinConfidence=99)
    assert colours(found["Foreground"]) == [("blue", "blue", 100)]
    assert colours(found["Background"]) == [("teal", "blue", 100)]


def test_features_together_and_alone(rekognition: Any) -> None:
    both = detect(rekognition, striped(), Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"])
    assert set(leanness(both, output_shape())) == {
        "$.OrientationCorrection",
        "$.ImageProperties.Foreground.Quality.Contrast",
        "$.ImageProperties.Background.Quality.Contrast",
    }
    alone = detect(rekognition, striped())
    assert alone["Labels"] == []
    assert alone["ImageProperties"] == both["ImageProperties"]
    labels = detect(rekognition, striped(), Features=["GENERAL_LABELS"])
    assert "ImageProperties" not in labels
    assert "DominantColors" not in label(labels, "Cat")["Instances"][0]


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 3)])
def test_pictures_of_a_few_pixels(rekognition: Any, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "navy")
    answer = detect(rekognition, image, Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"])
    assert colours(answer["ImageProperties"]) == [("navy", "blue", 100)]
    assert colours(label(answer, "Cat")["Instances"][0]) == [("navy", "blue", 100)]


def test_every_css_colour_is_nearest_to_itself() -> None:
    """Or to the one that differs by 3, as lawngreen and chartreuse do."""
    for name in ImageColor.colormap:
        rgb = ImageColor.getrgb(name)[:3]
        (found,) = dominant(nearest(np.full((2, 2, 3), rgb, dtype=np.uint8)), 5)
        assert (found["Red"], found["Green"], found["Blue"]) == pytest.approx(rgb, abs=3)
        assert ImageColor.getrgb(found["HexCode"]) == ImageColor.getrgb(found["CSSColor"])
