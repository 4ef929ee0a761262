# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plugin of datasette: it says which release answers, in a header of each answer and at /-/release.json."""

from __future__ import annotations

import json
import pathlib

from datasette import hookimpl
from datasette.utils.asgi import Response

_RELEASE = json.loads((pathlib.Path(__file__).resolve().parent.parent / "release.json").read_text())


async def show_release():
    return Response.json(_RELEASE)


@hookimpl
def register_routes():
    return [(r"^/-/release\.json$", show_release)]


@hookimpl
def asgi_wrapper():
    header = (b"x-release", _RELEASE["version"].encode())

    def wrap(app):
        async def named(scope, receive, send):
            async def send_named(message):
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", []), header]}
                await send(message)

            await app(scope, receive, send_named)

        return named

    return wrap
