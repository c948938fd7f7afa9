"""Structured logging: one JSON object a line on standard error, with the call id where there is one."""

import logging
import sys

import structlog

LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


def configure(level: str, log_format: str, role: str) -> None:
    """Set up logging of this process. `log_format` is `json` or `text`."""
    number = LEVELS.get(level.lower(), 20)
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if log_format == "text" else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
    # What libraries log goes the same way; arq's two lines per job and uvicorn's access log are not wanted.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
