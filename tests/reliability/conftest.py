from tests.api.conftest import scripted, scripted_model

__all__ = ["scripted", "scripted_model"]
