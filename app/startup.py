"""What makes a cold start shorter."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_OLD_PYDANTIC = "pydantic.v1"
_turn = RLock()
"""What changes here is the whole process's: one thread at a time."""


class Shortcuts:
    """While much is imported. One may begin within another; ended by the thread that began it."""

    def __init__(self) -> None:
        _turn.acquire()
        # Else pydantic reads what every installed package says of itself, to find plugins.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        # Imports make many objects that stay: looking for garbage among them is time lost.
        self._collected = gc.isenabled()
        gc.disable()
        # FastAPI would load all of it, only to see that no model of ours is one of its: for good,
        # since it looks again when a router gets its first request.
        modules: dict[str, Any] = sys.modules
        modules.setdefault(_OLD_PYDANTIC, None)
        self._models = ExitStack()
        self._models.enter_context(_deferred_models())

    def end(self) -> None:
        self._models.close()
        if self._collected:
            gc.freeze()
            gc.enable()
        _turn.release()


@contextmanager
def shortcuts() -> Iterator[None]:
    start = Shortcuts()
    try:
        yield
    finally:
        start.end()


@contextmanager
def _deferred_models() -> Iterator[None]:
    """Pydantic models that are defined in here get their validators when they are first used.

    FastAPI's own describe OpenAPI documents: nobody may ever ask for one. It has some of them built
    at once, for their references to each other, which first use settles as well.
    """
    from pydantic import BaseModel

    base: Any = BaseModel
    before, build = base.model_config, vars(base)["model_rebuild"]

    def build_when_used(model: Any, /, **options: Any) -> Any:
        """Pydantic itself, when it has a use, gives options; FastAPI gives none."""
        return build.__func__(model, **options) if options else None

    base.model_config = {**before, "defer_build": True}
    base.model_rebuild = classmethod(build_when_used)
    try:
        yield
    finally:
        base.model_config, base.model_rebuild = before, build


@contextmanager
def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator["Future[T]"]:
    """Runs ``work`` on a thread while the block runs; both are done at the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work, *args, **kwargs)
