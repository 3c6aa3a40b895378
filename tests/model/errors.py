"""Rejections of the API server, and failures of the modelled Metacontroller.

Source of the codes: kubernetes:staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go
"""


class ApiError(Exception):
    """The API server rejected a request."""

    status = 500


class NotFoundError(ApiError):
    """The object, or its namespace, does not exist."""

    status = 404


class AlreadyExistsError(ApiError):
    """An object of this kind and name exists."""

    status = 409


class ConflictError(ApiError):
    """The resourceVersion or uid differs from the stored value."""

    status = 409


class InvalidError(ApiError):
    """The object breaks a rule of its kind."""

    status = 422


class ForbiddenError(ApiError):
    """Admission rejected the request."""

    status = 403


class SyncError(Exception):
    """The sync of a parent failed; Metacontroller retries after a growing wait."""


class MetacontrollerCrashError(Exception):
    """The answer crashed the Metacontroller process."""
