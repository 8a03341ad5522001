"""Errors of a request, with their HTTP status. The text reaches the caller as `{"error": text}`."""

from components.errors import DayoneError

BAD_REQUEST, NOT_FOUND, SLOW_CALLER, TOO_LARGE, BUSY, TIMED_OUT = 400, 404, 408, 413, 503, 504


class RequestError(DayoneError):
    """A request that is not answered; nothing else is touched by it."""

    def __init__(self, text: str, status: int = BAD_REQUEST):
        """Takes the text for the caller and the HTTP status."""
        self.status = status
        super().__init__(text)
