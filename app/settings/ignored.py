"""Warns of variables with the settings' prefix that are obsolete or mistyped."""

import logging
import re
from collections.abc import Collection

_log = logging.getLogger("spotter.settings")
_REMOVED = {"cache_dir": "optimised graphs are no longer cached between starts"}
"""Settings of earlier versions, and why each is ignored."""
_OF_KUBERNETES = re.compile(
    r"^(port|service)(_|$)|_service_(host|port)(_|$)|_port(_\d+_(tcp|udp|sctp)(_\w+)?)?$"
)
"""Variables that Kubernetes sets for a Service named ``spotter`` or ``spotter-...``."""


def warn(unknown: Collection[str], settings: Collection[str], prefix: str) -> None:
    """Logs one warning for each of ``unknown``; all names are in lower case, without ``prefix``.

    Values are not logged: that of a mistyped name may be a secret.
    """
    for name in sorted(unknown):
        if name in _REMOVED or not _OF_KUBERNETES.search(name):
            reason = _REMOVED.get(name) or _not_there(name, settings, prefix)
            _log.warning("%s%s is ignored: %s.", prefix, name.upper(), reason)


def _not_there(name: str, settings: Collection[str], prefix: str) -> str:
    import difflib  # imported only if a name is mistyped

    near = difflib.get_close_matches(name, settings, n=3, cutoff=0.6)
    if not near:
        return "there is no such setting; the README lists all"
    names = ", ".join(f"{prefix}{found.upper()}" for found in near)
    return f"there is no such setting; similar names are {names}"
