"""A guard before the build's Prefect server: only its own page and its own client come in.

A page of another site that a browser shows on this machine can send requests here as well. Its
name is in ``Origin``, or in ``Host`` when its name server points it at the loopback.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse

from flows.server import ENTRANCE, USER

Application = Callable[[Any, Any, Any], Awaitable[None]]

# Prefect's page keeps the password where the script puts it.
_PAGE = f"""<!doctype html>
<meta charset="utf-8">
<title>Headwater</title>
<p>This link is not complete: open the one that the build printed.</p>
<script>
const password = location.hash.slice(1);
if (password) {{
  localStorage.setItem("prefect-password", btoa("{USER}:" + password));
  location.replace("/");
}}
</script>
"""


def guarded(app: Application, host: str, port: int) -> Application:
    """``app`` for requests to ``host`` that no other page sent, with its entrance.

    The password stands in the link's fragment, which browsers send to nobody.
    """
    return TrustedHostMiddleware(
        _Guard(app, {f"http://{host}:{port}"}), allowed_hosts=[host], www_redirect=False
    )


class _Guard:
    def __init__(self, app: Application, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app: Application = self._app
        if scope["type"] in {"http", "websocket"}:
            if not self._is_ours(scope):
                app = PlainTextResponse("requests of other pages are refused", 403)
            elif scope["path"] == ENTRANCE:
                app = HTMLResponse(_PAGE, headers={"Cache-Control": "no-store"})
        await app(scope, receive, send)

    def _is_ours(self, scope: Any) -> bool:
        return all(
            value.decode("latin-1") in self._origins
            for name, value in scope["headers"]
            if name == b"origin"
        )
