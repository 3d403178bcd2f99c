"""``handler``, the entry point of a Lambda function that only annotates, without HTTP."""

from functools import partial

from app.cloud import snapstart
from app.events.consumer import Consumer
from app.events.setup import create_annotator
from app.observability import json_log
from app.service.loading import load_detector, warm_up
from app.settings import load_settings

_settings = load_settings()
json_log.configure(_settings.log_level)
_detector = load_detector(_settings)
snapstart.register(partial(warm_up, _detector))

handler = Consumer(create_annotator(_settings, _detector)).consume
