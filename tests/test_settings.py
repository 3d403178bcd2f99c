"""The environment: defaults, lists, and one clear line for each value that cannot be used."""

import os
from pathlib import Path

import pytest

from app.errors import StartError
from app.settings import DEFAULT_MODEL, Settings, load_settings, proxies, warn_of_ignored


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SPOTTER_") or name == "FORWARDED_ALLOW_IPS":
            monkeypatch.delenv(name)


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"SPOTTER_{name.upper()}", value)
    return load_settings()


def keys_of(found: Settings) -> tuple[str, ...]:
    return tuple(key.get_secret_value().decode() for key in found.api_keys)


def test_nothing_has_to_be_set() -> None:
    found = load_settings()
    assert found.model == DEFAULT_MODEL
    assert found.max_body_bytes == 20 * 2**20
    assert (found.api_keys, found.cors_origins, found.queue) == ((), (), None)


def test_empty_values_are_those_that_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, model="", confidence="", queue="", api_keys="", log_level="")
    assert found == Settings()


def test_values_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch, model="/m.onnx", confidence="0.5", queue="0", log_level="DEBUG", threads="3"
    )
    assert (found.model, found.confidence) == (Path("/m.onnx"), 0.5)
    assert (found.queue, found.log_level, found.threads) == (0, "debug", 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a , b ,", ("a", "b")),
        (",,", ()),
    ],
)
@pytest.mark.parametrize("name", ["api_keys", "allowed_hosts"])
def test_lists_are_parted_by_commas(
    name: str, text: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(monkeypatch, **{name: text})
    assert (keys_of(found) if name == "api_keys" else found.allowed_hosts) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("/prod", "/prod"), ("/prod/", "/prod"), ("/", ""), ("/a/b", "/a/b")]
)
def test_root_paths_end_without_a_slash(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings(monkeypatch, root_path=text).root_path == expected


BAD = [
    ("confidence", "1.01"),
    ("confidence", "-0.1"),
    ("confidence", "nan"),
    ("confidence", "high"),
    ("iou", "2"),
    ("iou", "inf"),
    ("max_detections", "0"),
    ("max_detections", "1001"),
    ("max_detections", "1.5"),
    ("threads", "-1"),
    ("threads", "257"),
    ("concurrency", "two"),
    ("concurrency", "-1"),
    ("queue", "-1"),
    ("queue", "100001"),
    ("max_body_bytes", "20MB"),
    ("max_body_bytes", "1"),
    ("max_pixels", "0"),
    ("root_path", "prod"),
    ("root_path", "https://example.com/prod"),
    ("providers", "open vino"),
    ("openvino_precision", "int8"),
    ("rekognition_confidence", "0.5"),
    ("rekognition_confidence", "0.5:high"),
    ("rekognition_confidence", "0.5:90:1"),
    ("rekognition_confidence", "0.5:90,0.4:95"),
    ("rekognition_confidence", "0.5:90,0.6:90"),
    ("rekognition_confidence", "0:10"),
    ("rekognition_confidence", "1:99"),
    ("rekognition_confidence", "0.5:100"),
    ("rekognition_confidence", "0.5:nan"),
    ("project_versions", "my-model"),
    ("project_versions", "arn:aws:rekognition:eu-west-1:123456789012:project/a/1600000000000"),
    ("model_aliases", "a=b=c"),
    ("model_aliases", "=yolov8n"),
    ("model_aliases", "a b"),
    ("log_level", "loud"),
    ("search", "public"),
    ("log_level", "x" * 5000),
]


# Each list setting, with values that nothing could ever match, and values that something does.
NEVER = {
    "cors_origins": [
        *("https://shop.example/", "https://shop.example/page", "shop.example", "//shop.example"),
        *("https://Shop.example", "HTTPS://shop.example", "https://shop.example:443", "localhost"),
        *("http://shop.example:80", "https://*.shop.example", "https://*", "*.shop.example"),
        *("'https://shop.example'", '"https://shop.example"', "https://shop.example:", "http://"),
        *("https://shop.example:0443", "https://shop.example:99999", "https://me@shop.example"),
        *("https://shop.example?x", "https://sh op.example", "https://münchen.example", '["*"]'),
        *("http://127.1", "http://[::0001]", "http://[::1]:80", "https://a..example", "**"),
        *("https://ok.example,https://shop.example/", "https:/shop.example", "localhost:3000"),
    ],
    "allowed_hosts": [
        *("https://spotter.example", "spotter.example:8000", "spotter.example/", "*.example"),
        *("'spotter.example'", '"spotter.example"', ".example", "a b", "[::1]:80"),
    ],
    "s3_buckets": [
        *("s3://photos", "photos/", "photos/in", "/photos", "'photos'", '"photos"', "ph otos"),
        *("arn:aws:s3:::photos", "https://photos.s3.amazonaws.com", "photos.s3.amazonaws.com"),
        *("*", "photos*", "ok-bucket,s3://photos", "ab"),
    ],
    "providers": ["opnvino", "gpu", "'cuda'", "open vino", "cuda,CUDAExecutionProvide", "cuda;cpu"],
    "root_path": ["prod", "https://a.example/prod", "'/prod'", "/a//b", "/a b", "/a?b", "/a%20b"],
    "table": ["'results'", "my table"],
    "event_bus": ['"bus"'],
}
MATCHING = {
    "cors_origins": [
        *("https://shop.example", "http://localhost:3000", "http://127.0.0.1:8080", "*", "null"),
        *("http://[::1]:3000", "http://shop.example:443", "https://shop.example:80", "file://"),
        *(
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            "https://xn--mnchen-3ya.de",
        ),
        *("https://a.example, https://b.example:8443,", "http://raspberry_pi", "https://1.fm"),
    ],
    "allowed_hosts": ["spotter.example", "Spotter.Example,nas", "*", "192.168.1.7"],
    "s3_buckets": [
        *("photos", "my.photos-2,Old_Bucket", "photos--usw2-az1--x-s3"),
        "arn:aws:s3:us-east-1:123456789012:accesspoint/photos",
    ],
    "providers": ["openvino", "CUDA", "OpenVINOExecutionProvider,cpu", "tensorrt,cuda,coreml"],
    "root_path": ["/prod", "/a/b/", "/~me/v1.0", "/"],
    "table": ["results", "arn:aws:dynamodb:us-east-1:123456789012:table/results"],
    "event_bus": ["default", "arn:aws:events:us-east-1:123456789012:event-bus/mine"],
}
BAD += [(name, value) for name, values in NEVER.items() for value in values]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MATCHING.items() for value in values]
)
def test_what_can_match_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert getattr(settings(monkeypatch, **{name: value}), name) or value == "/"


SECRET = {
    "api_keys": ["'s3cret'", '"s3cret"', '"s3cret,other"', "good,'s3cret'", "\u201cs3cret\u201d"],
    "aws_credentials": [
        *("s3cret", "ID:", ":s3cret", "'ID:s3cret'", 'ID:"s3cret"', '"ID":s3cret', "I/D:s3cret"),
        *("ID:s3cret,ID:other", "KEY=ID:s3cret", "ID: s3cret", "GOOD:x,s3cret"),
    ],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in SECRET.items() for value in values]
)
def test_a_secret_that_cannot_match_is_refused_unseen(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StartError) as caught:
        settings(monkeypatch, **{name: value})
    assert str(caught.value).startswith(f"SPOTTER_{name.upper()}: ")
    assert "s3cret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_quotes_within_a_key_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_of(settings(monkeypatch, api_keys="a'b,c")) == ("a'b", "c")


@pytest.mark.parametrize(
    "value", ["10.0.0.7:80", "10.0.0.5/8", "proxy", "http://10.0.0.7", "'10.0.0.7'", "10.0.0.*"]
)
def test_proxies_that_no_client_could_be(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    with pytest.raises(StartError, match=r"^FORWARDED_ALLOW_IPS="):
        proxies()


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxies() == ()
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.0/8, 127.0.0.1,::1 ,fd00::/8,*")
    assert proxies() == ("10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "*")


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_wrong_value_is_one_line_that_names_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StartError) as caught:
        settings(monkeypatch, **{name: value})
    message = str(caught.value)
    assert message.startswith(f"SPOTTER_{name.upper()}={value[:60]!r}: ")
    assert "\n" not in message
    assert len(message) < 250
    assert "pydantic" not in message


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match=r"SPOTTER_IOU='2': .*; SPOTTER_QUEUE='x': "):
        settings(monkeypatch, iou="2", queue="x")


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, api_keys="s3cret-one,s3cret-two")
    assert keys_of(found) == ("s3cret-one", "s3cret-two")
    assert "s3cret" not in repr(vars(found))
    assert "s3cret" not in repr(found)
    assert "s3cret" not in str(found)
    with pytest.raises(StartError) as caught:
        settings(monkeypatch, iou="2")
    assert "s3cret" not in str(caught.value)


def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match="control character") as caught:
        settings(monkeypatch, api_keys="s3cret\x07one")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "rate"),
    [("60/m", (60, 60)), (" 5 / second", (5, 1)), ("1000/H", (1000, 3600))],
)
def test_a_rate_limit_reads_as_people_write_it(
    monkeypatch: pytest.MonkeyPatch, given: str, rate: tuple[int, int]
) -> None:
    assert settings(monkeypatch, rate_limit=given).rate_limit == rate


@pytest.mark.parametrize("given", ["60", "0/m", "-1/s", "60/w", "60/2m", "٣/m", "many"])
def test_another_rate_limit_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(StartError, match="such as 10/s, 60/m, 1000/h or 5000/d"):
        settings(monkeypatch, rate_limit=given)


def test_points_and_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, rekognition_confidence=" 0.25:55, 0.5:90 ", model_aliases="a=,b")
    assert found.rekognition_confidence == ((0.25, 55.0), (0.5, 90.0))
    assert found.model_aliases == ("a=", "b")


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(Exception, match="frozen"):
        load_settings().confidence = 0.9  # type: ignore[misc]


def test_a_setting_of_an_earlier_version_is_ignored_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert settings(monkeypatch, cache_dir="anywhere") == Settings()
    warn_of_ignored()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("SPOTTER_CACHE_DIR is ignored: ")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("confidenc", "similar names are SPOTTER_CONFIDENCE"),
        ("api_key", "similar names are SPOTTER_API_KEYS"),
        ("apikeys", "similar names are SPOTTER_API_KEYS"),
        ("max_detection", "similar names are SPOTTER_MAX_DETECTIONS"),
        ("cors_origin", "similar names are SPOTTER_CORS_ORIGINS"),
        ("log-level", "similar names are SPOTTER_LOG_LEVEL"),
        ("zzz", "the README lists all"),
    ],
)
def test_a_mistyped_setting_is_warned_of_and_never_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, near: str
) -> None:
    assert settings(monkeypatch, **{name: "a secret"}) == Settings()
    warn_of_ignored()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"SPOTTER_{name.upper()} is ignored: there is no such setting; {near}")
    assert "secret" not in line


@pytest.mark.parametrize(
    "name",
    [
        *("PORT", "PORT_8000_TCP", "PORT_8000_TCP_ADDR", "PORT_8000_TCP_PORT", "PORT_80_UDP_PROTO"),
        *("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "SERVICE_PORT_METRICS"),
        *("GPU_SERVICE_HOST", "GPU_SERVICE_PORT_HTTP", "GPU_PORT", "GPU_PORT_80_TCP_ADDR"),
    ],
)
def test_nothing_is_said_of_what_kubernetes_sets_for_a_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert settings(monkeypatch, **{name: "tcp://10.0.0.1:8000"}) == Settings()
    warn_of_ignored()
    assert caplog.records == []


def test_no_setting_looks_like_a_variable_of_kubernetes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else nobody would be warned of what is near its name."""
    for name in Settings.model_fields:
        monkeypatch.setenv(f"SPOTTER_{name.upper()}X", "1")
    warn_of_ignored()
    assert len(caplog.records) == len(Settings.model_fields)


def test_other_variables_with_the_prefix_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, shared="/somewhere") == Settings()
