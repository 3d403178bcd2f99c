"""Deletes files of packages that are only needed to build or test them."""

import shutil
from pathlib import Path

_FOLDERS = (
    "**/tests",
    "**/__pycache__",
    "bin",
    "fastapi/.agents",
    "numpy/**/include",
    "numpy/_pyinstaller",
    "numpy/distutils",
    "numpy/doc",
    "numpy/f2py",
    "numpy/random/_examples",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
)
_FILES = (
    "**/*.a",
    "**/*.h",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.js.map",
    "*.dist-info/RECORD",
    "fastapi_offline/static/redoc*",
    "onnxruntime/capi/libonnxruntime.so*",  # for C programs; the Python module has its own
    "onnxruntime/ThirdPartyNotices.txt",
    "PIL/_imagingtk.*",
)


def trim(folder: Path) -> None:
    for pattern in _FOLDERS:
        for found in list(folder.glob(pattern)):
            shutil.rmtree(found, ignore_errors=True)
    for pattern in _FILES:
        for found in list(folder.glob(pattern)):
            found.unlink()
    for found in sorted(folder.rglob("*"), reverse=True):
        if found.is_dir() and not any(found.iterdir()):
            found.rmdir()
