"""What goes wrong, with ClickHouse's codes and the HTTP status that a server gives each."""

from __future__ import annotations

import re

_EXCEPTION = re.compile(r"Code: (?P<code>\d+)\. DB::Exception: .*", re.DOTALL)
_REPEATED_PREFIX = re.compile(r"^(?:Code: \d+\. DB::Exception: )+(?=Code: \d+\. DB::Exception: )")
_NAME = re.compile(r"\((?P<name>[A-Z][A-Z0-9_]+)\)")

# A server's own table (`exceptionCodeToHTTPStatus`); everything else is a 500.
_STATUS_OF: dict[int, set[str]] = {
    400: {
        "BAD_ARGUMENTS", "CANNOT_COMPILE_REGEXP", "CANNOT_PARSE_TEXT", "CANNOT_PARSE_ESCAPE_SEQUENCE",
        "CANNOT_PARSE_QUOTED_STRING", "CANNOT_PARSE_DATE", "CANNOT_PARSE_DATETIME", "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING", "CANNOT_PARSE_IPV4", "CANNOT_PARSE_IPV6",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED", "CANNOT_PARSE_UUID", "DUPLICATE_COLUMN", "ILLEGAL_COLUMN",
        "THERE_IS_NO_COLUMN", "UNKNOWN_ELEMENT_IN_AST", "UNKNOWN_TYPE_OF_AST_NODE", "TOO_DEEP_AST", "TOO_BIG_AST",
        "UNEXPECTED_AST_STRUCTURE", "SYNTAX_ERROR", "INCORRECT_DATA", "TYPE_MISMATCH",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    },
    403: {"UNKNOWN_USER", "WRONG_PASSWORD", "AUTHENTICATION_FAILED", "SET_NON_GRANTED_ROLE"},
    404: {
        "UNKNOWN_TABLE", "UNKNOWN_FUNCTION", "UNKNOWN_IDENTIFIER", "UNKNOWN_TYPE", "UNKNOWN_STORAGE",
        "UNKNOWN_DATABASE", "UNKNOWN_SETTING", "UNKNOWN_DIRECTION_OF_SORTING", "UNKNOWN_AGGREGATE_FUNCTION",
        "UNKNOWN_FORMAT", "UNKNOWN_DATABASE_ENGINE", "UNKNOWN_TYPE_OF_QUERY", "NO_ELEMENTS_IN_CONFIG",
    },
    408: {"TIMEOUT_EXCEEDED"},
    413: {"QUERY_IS_TOO_LARGE"},
    501: {"NOT_IMPLEMENTED"},
    503: {"SOCKET_TIMEOUT", "CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK"},
}  # fmt: skip
_STATUS = {name: status for status, names in _STATUS_OF.items() for name in names}


class QueryFailed(Exception):
    """A query that ClickHouse, or the gateway in its place, refused: its code, its symbolic name, its sentence."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status that a server answers with."""
        return _STATUS.get(self.name, 500)

    def text(self, version: str) -> str:
        """The body of the answer, in a server's words."""
        if self.message.startswith("Code: "):
            return self.message if "(version " in self.message else f"{self.message} (version {version})"
        return f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})"


class AlreadyServed(Exception):
    """Another gateway serves the directory."""


def from_engine(error: Exception) -> QueryFailed:
    """Read the code and the name out of the engine's message."""
    text = str(error)
    found = _EXCEPTION.search(text)
    if found is None:
        return QueryFailed(1002, "UNKNOWN_EXCEPTION", text)
    message = _REPEATED_PREFIX.sub("", found[0]).strip()
    names = _NAME.findall(message)
    return QueryFailed(int(found["code"]), names[-1] if names else "UNKNOWN_EXCEPTION", message)


def not_implemented(what: str) -> QueryFailed:
    """Say that the gateway doesn't speak a part of the protocol."""
    return QueryFailed(48, "NOT_IMPLEMENTED", f"The embedded ClickHouse does not speak {what}")
