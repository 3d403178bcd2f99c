from tests.aws.conftest import deployed

__all__ = ["deployed"]
