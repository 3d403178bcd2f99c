"""A lazy client of one AWS service: boto3 is imported at its first use."""

import threading
from importlib.util import find_spec
from typing import Any

from app.errors import StartError

CONNECT_SECONDS = 3
READ_SECONDS = 20


class Connection:
    """Safe to use from several threads at once."""

    def __init__(self, service: str, attempts: int = 3) -> None:
        """Raises StartError if boto3 is not installed."""
        if find_spec("boto3") is None:
            raise StartError(f"Using {service} of AWS needs boto3: install the extra 'aws'.")
        self.service = service
        self.attempts = attempts
        self._lock = threading.Lock()
        self._client: Any = None
        self.credentials: Any = None
        """botocore's credentials, which it refreshes; None before the first client."""

    @property
    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def drop(self) -> None:
        """Drops the client; the next use creates another one."""
        with self._lock:
            self._client = None

    def _connect(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": self.attempts},
        )
        session = boto3.session.Session()
        self.credentials = session.get_credentials()
        return session.client(self.service, config=config)
