"""GET /: drop, paste, choose or photograph a picture, and see what is in it."""

from fastapi import APIRouter, FastAPI, Request, Response

from app.http.responses.static_files import FILES, PAGES, Files, Page

_page = Page("index.html")

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.head("/")
async def page(request: Request) -> Response:
    return _page.response(request)


def add_page(app: FastAPI) -> None:
    app.include_router(router)
    app.mount(FILES, Files(directory=PAGES / "files"))
