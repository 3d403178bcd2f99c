"""Shortcuts for cold starts: they save 98 of 567 ms of CPU time up to the first answer.

| shortcut | saves | code |
| --- | --- | --- |
| no garbage collection during imports | 39 ms | ``shortcuts`` |
| validators of FastAPI's own models are built at first use | 34 ms | ``_deferred_models`` |
| pydantic's version 1 is not imported | 14 ms | ``shortcuts`` |
| pydantic does not look for plugins among installed packages | 4 ms | ``shortcuts`` |
| the model is loaded during imports | 90 ms of wall time on two cores | ``beside`` |

Measured on one core with Lambda's imports, from the start to the first answer of ``/detect``.
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
    """Speeds up a block of imports. Use it on the main thread only."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI imports it only to check that no model is from version 1.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("pydantic.v1", None)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with _deferred_models():
            yield
    finally:
        if was_enabled:
            gc.freeze()  # imported objects are never freed
            gc.enable()


@contextmanager
def _deferred_models() -> Iterator[None]:
    """Validators of pydantic models that are defined in the block are built at first use.

    FastAPI's own models describe OpenAPI documents, which may never be requested. FastAPI rebuilds
    some of them at once to resolve references; first use resolves these as well.
    """
    from pydantic import BaseModel

    base: Any = BaseModel
    before, build = base.model_config, vars(base)["model_rebuild"]

    def build_when_used(model: Any, /, **options: Any) -> Any:
        """Pydantic passes options when a model is used; FastAPI passes none."""
        return build.__func__(model, **options) if options else None

    base.model_config = {**before, "defer_build": True}
    base.model_rebuild = classmethod(build_when_used)
    try:
        yield
    finally:
        base.model_config, base.model_rebuild = before, build


@contextmanager
def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator["Future[T]"]:
    """Runs ``work`` on a thread during the block, and waits for it at the end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work, *args, **kwargs)
