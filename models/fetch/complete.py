"""Downloads a whole file and verifies it."""

from models.common.commands import CommandError, require
from models.fetch.partial import Partial
from models.fetch.sources import Source

SETUP = "make install-fetch"


def complete(source: Source, partial: Partial, wanted: str, limit: int) -> None:
    """Downloads the rest of the file. If the checksum is wrong, deletes it and raises
    CommandError."""
    require("tqdm", SETUP)
    require("httpx", SETUP)
    from models.fetch.download import download

    while partial.size == 0 or partial.sha256() != wanted:
        started = partial.size
        download(source, partial, limit)
        found = partial.sha256()
        if found == wanted:
            return
        partial.clear()
        if not started:  # otherwise the first part may be from an older version: retry
            raise CommandError(
                f"{source.url} is not the expected file: its sha256 is {found}, not"
                f" {wanted}. It was deleted."
            )


def without_checksum(source: Source, partial: Partial, size: int | None, limit: int) -> None:
    """Downloads a small file, for which the Hub gives only the size."""
    require("tqdm", SETUP)
    require("httpx", SETUP)
    from models.fetch.download import download

    partial.clear()
    download(source, partial, limit)
    if size is not None and partial.size != size:
        partial.clear()
        raise CommandError(f"{source.url} does not have the {size:,} bytes that the Hub states.")
