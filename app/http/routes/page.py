"""GET /: drop, paste, choose or photograph a picture, and see what is in it."""

from fastapi import APIRouter, Request, Response

from app.http.responses.static_files import PAGES, Files, Page

FILES = "/page"

_page = Page("index.html")

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    return _page.response(request)


def files() -> Files:
    return Files(directory=PAGES / "files")
