"""What the shell that starts the tests may have set, and no test may depend on."""

import os

_BEGINNINGS = ("SPOTTER_", "AWS_", "OTEL_", "UVICORN_", "MALLOC_")
_NAMES = frozenset(
    {
        *("HOST", "PORT", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "HF_TOKEN", "HF_ENDPOINT"),
        *("COLUMNS", "LINES", "FORCE_COLOR", "PYTHON_COLORS", "PYTHONWARNINGS"),
    }
)
_KEPT = frozenset({"SPOTTER_SHARED", "AWS_CA_BUNDLE"})
_HERE = "127.0.0.1,localhost,::1"


def forget() -> None:
    """Settings of the service, of the libraries and of AWS; a proxy is not for this machine."""
    for name in list(os.environ):
        if name not in _KEPT and (name in _NAMES or name.startswith(_BEGINNINGS)):
            del os.environ[name]
    # Not the profiles of who starts the tests, nor credentials of the machine.
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    for name in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(name)
        os.environ[name] = f"{_HERE},{others}" if others else _HERE
