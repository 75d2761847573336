"""moto's WSGI applications, one per service.

moto 5.2.5 tries the URL patterns of all its services for each request, which costs more than answering it; the
signing name says at once which application is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Services whose signing name alone decides the application.
_PLAIN_SERVICES = frozenset({"s3", "iam", "sts", "logs", "glue"})


class MotoApplications:
    """Hands each request to the application of its service, which is loaded at the first."""

    def __init__(self) -> None:
        from moto.moto_server import werkzeug_app
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        class AnyCharacter(werkzeug_app.RegexConverter):  # type: ignore[misc]
            """Matches keys with line breaks, too: S3 takes them."""

            def __init__(self, url_map: Any, *items: str) -> None:
                super().__init__(url_map, *(f"(?s:{item})" for item in items))

        werkzeug_app.RegexConverter = AnyCharacter
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._by_service: dict[str, WSGIApplication] = {}

    def call(self, service: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request, signed for ``service``."""
        application = self._by_service.get(service)
        if application is None:
            application = self._dispatcher.get_application(environ)
            assert application is not None
            if service in _PLAIN_SERVICES:
                self._by_service[service] = application
        return application(environ, start_response)
