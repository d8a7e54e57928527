"""What processes log, in one form: a line of JSON in production, words in development, and nobody's personal values.

Logs are copied to where nobody can be forgotten. So a value whose name says that it is somebody's own is withheld, and
so is whatever looks like an address, a number or a secret within other words: the text of an error, a traceback, the
query of a request. Tracebacks are without the values of local variables.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from foundation.settings import Settings

WITHHELD = "[withheld]"
PERSONAL = frozenset(
    {
        "address",
        "authorization",
        "body",
        "code",
        "cookie",
        "display_name",
        "email",
        "ip",
        "name",
        "note",
        "password",
        "phone",
        "recipient",
        "secret",
        "to",
        "token",
        "user_agent",
        "words",
    }
)
"""Names of values that are somebody's own, or open something."""
MAY_BE_CODES = ("code", "name")
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
"""What stands under these may be the code of a thing, such as `orders.not_found`: that is told."""
WRITTEN_TO_THE_DEVELOPER = "message.written"
"""A letter on a developer's own machine, where no mail server is set up: what is in it is all that it is for.
Production has no such carrier."""
_LOOKS_PERSONAL = (
    # Postgres tells the values that broke a rule.
    re.compile(r"(?<=\)=\()[^\n]*?(?=\) (?:already|is|conflicts|still))"),
    re.compile(r"(?<=Failing row contains \()[^\n]*(?=\))"),
    re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<![\w-])\+\d[\d ()/.-]{6,}\d"),
    re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]+"),
)
_LOOPBACK = "127.0.0.1"


def configure(settings: Settings) -> None:
    """Have this process log so, by structlog and by uvicorn."""
    in_production = settings.environment == "production"
    renderer = structlog.processors.JSONRenderer() if in_production else _console()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_personal_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    for name in ("httpx", "httpcore"):  # they log each address they ask, with its query
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn.access", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, Withholding) for one in logger.filters):
            logger.addFilter(Withholding())


@contextmanager
def aside() -> Iterator[None]:
    """Log to standard error inside: standard output has what was asked for, and a program may read that."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        structlog.configure(**before)


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)


def without_personal_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: the event without what is somebody's own."""
    if event.get("event") == WRITTEN_TO_THE_DEVELOPER:
        return event
    return {name: _told(name, value) for name, value in event.items()}


def _told(name: str, value: Any) -> Any:
    of_a_thing = name in MAY_BE_CODES and isinstance(value, str) and CODE.fullmatch(value)
    if name.lower() in PERSONAL and value is not None and not of_a_thing:
        return WITHHELD
    return _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case str():
            return cleared(value)
        case Mapping():
            return {name: _told(str(name), one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case None | bool() | int() | float():
            return value
        case _:
            return cleared(str(value))


def cleared(text: str) -> str:
    """A text without what looks like an address, a number or a secret of somebody's."""
    for pattern in _LOOKS_PERSONAL:
        text = pattern.sub(lambda found: found[0] if found[0] == _LOOPBACK else WITHHELD, text)
    return text


class Withholding(logging.Filter):
    """The same for what libraries log: uvicorn's line of a request is without who asked, and without the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and let it pass."""
        if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == 5:
            _, method, path, version, status = record.args
            record.args = ("-", method, str(path).partition("?")[0], version, status)
            return True
        if record.exc_info:
            record.exc_text = cleared(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        record.msg, record.args = cleared(record.getMessage()), None
        return True
