# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The envelopes: what a request says, and how replies and faults are written."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import fromstring

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "pwsh": "http://schemas.microsoft.com/powershell",
}
SHELL = NAMESPACES["rsp"]
TRANSFER = NAMESPACES["x"]
TIMED_OUT = 2150858793  # 0x80338029, which clients take as "ask again"
NO_SUCH_SHELL = 2150858843  # 0x8033805B
_DECLARED = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())


class FaultError(Exception):
    """To be answered with a SOAP fault, which WS-Management sends with HTTP status 500."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Request:
    action: str  # the last word of the action's URI: Create, Command, Send, Receive, Signal, Delete
    message_id: str
    resource: str
    shell_id: str
    timeout_seconds: float
    body: Element

    def find(self, name: str) -> Element | None:
        return self.body.find(f".//rsp:{name}", NAMESPACES)

    def wanted(self, name: str) -> Element:
        found = self.find(name)
        if found is None:
            raise FaultError(2150858770, f"The SOAP packet has no {name}.")
        return found


def parse(data: bytes) -> Request:
    root = fromstring(data)
    header = root.find("s:Header", NAMESPACES)
    body = root.find("s:Body", NAMESPACES)
    if header is None or body is None:
        raise FaultError(2150858770, "The SOAP packet has no header or no body.")

    def text(path: str) -> str:
        return header.findtext(path, "", NAMESPACES).strip()

    return Request(
        action=text("a:Action").rpartition("/")[2],
        message_id=text("a:MessageID"),
        resource=text("w:ResourceURI"),
        shell_id=text("w:SelectorSet/w:Selector[@Name='ShellId']").upper(),
        timeout_seconds=_seconds(text("w:OperationTimeout")),
        body=body,
    )


def _seconds(duration: str, default: float = 60.0) -> float:
    found = re.fullmatch(r"PT(?:(\d+)M)?(?:([\d.]+)S)?", duration)
    return 60 * int(found[1] or 0) + float(found[2] or 0) if found else default


_ANSWERS = {
    "Create": f"{TRANSFER}/CreateResponse",
    "Delete": f"{TRANSFER}/DeleteResponse",
    **{verb: f"{SHELL}/{verb}Response" for verb in ("Command", "Send", "Receive", "Signal")},
}


def reply(request: Request, body: str) -> bytes:
    return _envelope(_ANSWERS[request.action], request.message_id, body)


def fault(request: Request | None, code: int, reason: str) -> bytes:
    body = (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(reason)}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault Code="{code}" Machine="winlab"><f:Message>{escape(reason)}</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>"
    )
    return _envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", request.message_id if request else "", body)


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    return (
        f'<s:Envelope xml:lang="en-US" {_DECLARED}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{NAMESPACES['a']}/role/anonymous</a:To><a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def created(request: Request, shell_id: str) -> str:
    return (
        "<x:ResourceCreated><a:Address>http://localhost/wsman</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{escape(request.resource)}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
        f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId>"
        f"<rsp:ResourceUri>{escape(request.resource)}</rsp:ResourceUri></rsp:Shell>"
    )


def command_started(command_id: str) -> str:
    return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"


def stream(name: str, command_id: str, text: str, *, end: bool = False) -> str:
    which = f" CommandId={quoteattr(command_id)}" if command_id else ""
    return f'<rsp:Stream Name="{name}"{which}{" End=" + quoteattr("true") if end else ""}>{text}</rsp:Stream>'


def state(command_id: str, rc: int | None) -> str:
    word = "Running" if rc is None else "Done"
    exit_code = "" if rc is None else f"<rsp:ExitCode>{rc}</rsp:ExitCode>"
    return (
        f'<rsp:CommandState CommandId={quoteattr(command_id)} State="{SHELL}/CommandState/{word}">'
        f"{exit_code}</rsp:CommandState>"
    )
