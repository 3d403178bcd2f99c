"""``handler``, the entry of AWS Lambda: HTTP events through Mangum.

The detector is built here, at import, once for the environment; Mangum's lifespan would build it
again at every invocation.
"""

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from app import log
from app.api.problem import MEDIA_TYPE
from app.main import create_app
from app.service import load_detector
from app.settings import load_settings

_settings = load_settings()
log.configure(_settings.log_level)

handler = Mangum(
    create_app(_settings, load_detector(_settings)),
    lifespan="off",
    api_gateway_base_path=_settings.root_path or "/",
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE],
)
