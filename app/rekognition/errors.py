"""AWS's names for errors, with their statuses.

SpotterError
└── AwsError                           400
    ├── AccessDeniedException
    ├── ImageTooLargeException
    ├── InvalidImageFormatException
    ├── InvalidPaginationTokenException
    ├── InvalidParameterException
    ├── InvalidS3ObjectException
    ├── ResourceNotFoundException           a project version that is not served here
    ├── ResourceNotReadyException           a project version that was stopped
    ├── SerializationException              the request is not JSON of the right types
    ├── UnknownOperationException
    ├── ProvisionedThroughputExceededException
    │                                  429  AWS has 400: SDKs retry after both
    ├── ThrottlingException            500  as in the API reference
    ├── InternalServerError            500
    └── of signatures: MissingAuthenticationTokenException, IncompleteSignatureException,
        UnrecognizedClientException, InvalidSignatureException
"""

from app.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidImage,
    InvalidImageFormat,
    InvalidObject,
    InvalidParameter,
    Overloaded,
    SpotterError,
    TooManyRequests,
)


class AwsError(SpotterError):
    status = 400
    title = "An error of the Rekognition API"


class AccessDeniedException(AwsError): ...


class ImageTooLargeException(AwsError): ...


class InvalidImageFormatException(AwsError): ...


class InvalidParameterException(AwsError): ...


class InvalidPaginationTokenException(AwsError): ...


class InvalidS3ObjectException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class ResourceNotReadyException(AwsError): ...


class SerializationException(AwsError): ...


class UnknownOperationException(AwsError): ...


class ProvisionedThroughputExceededException(AwsError):
    status = 429


class ThrottlingException(AwsError):
    status = 500


class InternalServerError(AwsError):
    status = 500


class MissingAuthenticationTokenException(AwsError): ...


class IncompleteSignatureException(AwsError): ...


class UnrecognizedClientException(AwsError): ...


class InvalidSignatureException(AwsError): ...


# The first match counts. SDKs retry after a 500.
_EQUIVALENTS: tuple[tuple[type[SpotterError], type[AwsError]], ...] = (
    (InvalidImageFormat, InvalidImageFormatException),
    (InvalidImage, InvalidImageFormatException),
    (ImageTooLarge, ImageTooLargeException),
    (InvalidObject, InvalidS3ObjectException),
    (InvalidParameter, InvalidParameterException),
    (AccessDenied, AccessDeniedException),
    (TooManyRequests, ProvisionedThroughputExceededException),
    (Overloaded, ThrottlingException),
)


def aws_error(error: SpotterError) -> AwsError:
    if isinstance(error, AwsError):
        return error
    for ours, theirs in _EQUIVALENTS:
        if isinstance(error, ours):
            return theirs(error.detail)
    return (InternalServerError if error.status >= 500 else InvalidParameterException)(error.detail)
