"""What makes a cold start shorter."""

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def quick_start() -> Iterator[None]:
    """Imports make many objects that stay: looking for garbage among them is time lost."""
    # Else pydantic reads what every installed package says of itself, to find plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def deferred_models() -> Iterator[None]:
    """Pydantic models that are defined in here get their validators when they are first used.

    FastAPI's own describe OpenAPI documents: nobody may ever ask for one.
    """
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


@contextmanager
def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator["Future[T]"]:
    """Runs ``work`` on a thread while the block runs; both are done at the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work, *args, **kwargs)
