"""POST / with X-Amz-Target: operations of Amazon Rekognition in AWS JSON 1.1.

Other modules are imported at the first request, since most servers never get one.
"""

from fastapi import APIRouter, HTTPException, Request, Response

from app.errors import SpotterError
from app.http.dependencies import ServiceDep
from app.http.route_classes import ForeignRoute


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
        raise HTTPException(405, headers={"Allow": "GET"})  # not meant for this API
    from app.http.routes import aws_json

    return await aws_json.answer(request, service, target)
