"""What the API server refuses with, and what stops the model.

Source of the codes: kubernetes:staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go
"""


class ApiError(Exception):
    """The API server's refusal of one request."""

    status = 500


class NotFoundError(ApiError):
    """The object, or its namespace, does not exist."""

    status = 404


class AlreadyExistsError(ApiError):
    """An object of that kind and name exists."""

    status = 409


class ConflictError(ApiError):
    """The resourceVersion or uid is not the stored one."""

    status = 409


class InvalidError(ApiError):
    """The object breaks a rule of its kind."""

    status = 422


class ForbiddenError(ApiError):
    """Admission refuses the request."""

    status = 403


class SyncError(Exception):
    """One sync of one parent failed; it is tried again with a growing wait."""


class MetacontrollerCrashError(Exception):
    """The answer takes the whole Metacontroller process down."""
