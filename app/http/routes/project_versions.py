"""DescribeProjectVersions, StartProjectVersion and StopProjectVersion of Amazon Rekognition."""

from fastapi import Request

from app.http.middleware.request_record import record_of
from app.rekognition.project_versions import (
    DescribeRequest,
    Json,
    ProjectVersions,
    StartRequest,
    StopRequest,
)
from app.rekognition.shapes import read
from app.service.service import Service


def versions_of(request: Request, service: Service) -> ProjectVersions:
    """The project versions that this process remembers."""
    state = request.app.state
    if not hasattr(state, "project_versions"):
        state.project_versions = ProjectVersions(
            service.settings.project_versions, service.detector.name
        )
    versions: ProjectVersions = state.project_versions
    return versions


async def describe(request: Request, service: Service, body: bytes) -> Json:
    return versions_of(request, service).describe(read(DescribeRequest, body))


async def start(request: Request, service: Service, body: bytes) -> Json:
    wanted = read(StartRequest, body)
    record_of(request).project_version = wanted.ProjectVersionArn
    return versions_of(request, service).start(wanted)


async def stop(request: Request, service: Service, body: bytes) -> Json:
    wanted = read(StopRequest, body)
    record_of(request).project_version = wanted.ProjectVersionArn
    return versions_of(request, service).stop(wanted)
