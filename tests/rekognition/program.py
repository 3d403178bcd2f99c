"""A program of the kind that documentation shows, written for AWS: ``endpoint_url`` is all that
Spotter adds to it.
"""

# ruff: noqa: T201
import io
import sys

import boto3
from PIL import Image, ImageDraw


def show_labels(photo: str, drawing: str, client) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with open(photo, "rb") as file:  # noqa: PTH123
        data = file.read()

    response = client.detect_labels(
        Image={"Bytes": data},
        MaxLabels=20,
        MinConfidence=60,
        Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"],
    )

    image = Image.open(io.BytesIO(data))
    width, height = image.size
    draw = ImageDraw.Draw(image)

    for label in response["Labels"]:
        print("Label: " + label["Name"])
        print("  Confidence: " + str(label["Confidence"]))
        print("  Parents: " + ", ".join(parent["Name"] for parent in label["Parents"]))
        print("  Aliases: " + ", ".join(alias["Name"] for alias in label["Aliases"]))
        print("  Categories: " + ", ".join(item["Name"] for item in label["Categories"]))

        for instance in label["Instances"]:
            box = instance["BoundingBox"]
            left, top = width * box["Left"], height * box["Top"]
            right, bottom = left + width * box["Width"], top + height * box["Height"]
            draw.rectangle((left, top, right, bottom), outline=(0, 255, 0), width=2)
            for colour in instance["DominantColors"]:
                print(f"  {colour['CSSColor']} {colour['HexCode']}: {colour['PixelPercent']}%")

    quality = response["ImageProperties"]["Quality"]
    print("Brightness: " + str(quality["Brightness"]))
    print("Sharpness: " + str(quality["Sharpness"]))
    print("Contrast: " + str(quality["Contrast"]))
    image.save(drawing)

    vehicles = client.detect_labels(
        Image={"Bytes": data},
        Settings={
            "GeneralLabels": {"LabelCategoryInclusionFilters": ["Vehicles and Automotive"]},
        },
    )
    print("Vehicles: " + ", ".join(label["Name"] for label in vehicles["Labels"]))
    return len(response["Labels"])


if __name__ == "__main__":
    endpoint, photo, drawing = sys.argv[1:]
    show_labels(photo, drawing, boto3.client("rekognition", endpoint_url=endpoint))
