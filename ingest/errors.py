"""The error tree. Every text is for the person who sees it: what is wrong and what to do.

CitelightError
├── InvalidInput     what was given cannot be used            (HTTP 422, exit 1)
├── NotFound         the thing asked for is not there         (HTTP 404, exit 1)
├── Conflict         another process holds what is needed     (HTTP 409, exit 1)
└── Unavailable      a part we depend on does not answer now  (HTTP 503, exit 1)
"""


class CitelightError(Exception):
    """Base of all errors that users may see."""


class InvalidInput(CitelightError):
    """What was given cannot be used as it is."""


class NotFound(CitelightError):
    """The thing asked for is not in the library."""


class Conflict(CitelightError):
    """Another process holds what this one needs."""


class Unavailable(CitelightError):
    """A part that the work depends on does not answer now; trying again may help."""
