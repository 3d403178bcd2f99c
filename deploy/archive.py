"""Writes reproducible zip files: the same files always give the same bytes."""

import zipfile
from pathlib import Path

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write_zip(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(target.name + ".new")
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(folder)), _TIMESTAMP)
                entry.external_attr = _MODE
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    scratch.replace(target)
