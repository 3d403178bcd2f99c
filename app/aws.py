"""``handler``, the entry of AWS Lambda, for HTTP events and for those of queues and buckets.

The detector is built here, at import, once for the environment.
"""

from typing import Any

from app import log, snapshot
from app.gateway.http import adapt
from app.main import create_app
from app.service import load_detector
from app.settings import load_settings

_settings = load_settings()
log.configure(_settings.log_level)
_app = create_app(_settings, load_detector(_settings))
_http = adapt(_app, root_path=_settings.root_path)
snapshot.register(_app.state.service.detector, _app.state.service.storage.connection)


def handler(event: dict[str, Any], context: Any) -> Any:
    return _http(event, context)
