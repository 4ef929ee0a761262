"""Fills RELEASE_OUT with one release: a page with all status codes, from 1.1 on also one for each of them."""

from __future__ import annotations

import html
import json
import os
import pathlib
from http import HTTPStatus

VERSION = os.environ["RELEASE_VERSION"]
OUT = pathlib.Path(os.environ["RELEASE_OUT"])
PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>\n'


def page(name: str, title: str, body: str) -> None:
    (OUT / name).write_text(PAGE.format(title=html.escape(title), body=body), encoding="utf-8")


def line(code: HTTPStatus) -> str:
    text = f"{code.value} {html.escape(code.phrase)}"
    linked = f'<a href="{code.value}.html">{text}</a>' if pages else text
    return f"<li>{linked}: {html.escape(code.description or 'no more to say')}</li>"


pages = not VERSION.startswith("1.0.")
page("index.html", f"Status codes of HTTP, {VERSION}", f"<ul>{''.join(line(code) for code in HTTPStatus)}</ul>")
for status in HTTPStatus if pages else ():
    page(f"{status.value}.html", f"{status.value} {status.phrase}", f"<p>{html.escape(status.description)}</p>")
codes = {status.value: status.phrase for status in HTTPStatus}
(OUT / "codes.json").write_text(json.dumps(codes), encoding="utf-8")
(OUT / "release.json").write_text(json.dumps({"service": os.environ["RELEASE_SERVICE"], "version": VERSION}))
