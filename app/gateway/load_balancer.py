"""Events of an Application Load Balancer, whose clients choose some of the headers."""

from mangum.handlers import ALB
from mangum.types import LambdaEvent, Scope


class LoadBalancer(ALB):
    """Mangum's handler, but any Host is accepted, and the client's address cannot be forged."""

    @property
    def scope(self) -> Scope:
        """Mangum fails if it cannot split the Host, such as ``[::1]:80``, so it does not see it."""
        event = self.event
        self.event, hosts = _without_host(event)
        try:
            scope = super().scope
        finally:
            self.event = event
        scope["aws.event"] = event
        scope["headers"] += [[b"host", host.encode()] for host in hosts]
        scope["client"] = (_last_address(scope["client"][0]), 0)
        return scope


def _without_host(event: LambdaEvent) -> tuple[LambdaEvent, list[str]]:
    """The event without its Host headers, and their values."""
    name = "multiValueHeaders" if "multiValueHeaders" in event else "headers"
    kept = {key: value for key, value in event[name].items() if key.lower() != "host"}
    values = [value for key, value in event[name].items() if key.lower() == "host"]
    hosts = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return {**event, name: kept}, hosts


def _last_address(forwarded: str) -> str:
    """The last address in X-Forwarded-For, without its port: the load balancer appends it.

    Those in front of it are what the client sent.
    """
    last = forwarded.rpartition(",")[2].strip()
    if last.startswith("["):  # IPv6 with a port
        return last[1:].partition("]")[0]
    return last.partition(":")[0] if last.count(":") == 1 else last
