"""POST / with X-Amz-Target: operations of Amazon Rekognition in AWS JSON 1.1.

Other modules are imported at the first request, since most servers never get one.
"""

from fastapi import APIRouter, Request, Response

from app.errors import MethodNotAllowed, SpotterError
from app.errors.problem import ProblemResponse
from app.http.dependencies import ServiceDep
from app.http.route_classes import ForeignRoute

_NOT_FOR_AMAZON = MethodNotAllowed(
    "POST images to /detect. POST / is for clients of Amazon Rekognition, which send X-Amz-Target.",
    "GET, HEAD, POST",
)


class RekognitionRoute(ForeignRoute):
    @staticmethod
    def refusal(request: Request, error: SpotterError) -> Response:
        from app.http.routes import aws_json

        return aws_json.refusal(request, error)


router = APIRouter(route_class=RekognitionRoute, include_in_schema=False)


@router.post("/")
async def operation(request: Request, service: ServiceDep) -> Response:
    target = request.headers.get("x-amz-target")
    if target is None:
        return ProblemResponse(_NOT_FOR_AMAZON)
    from app.http.routes import aws_json

    return await aws_json.answer(request, service, target)
