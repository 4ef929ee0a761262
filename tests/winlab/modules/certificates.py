# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_certificate_store and win_certificate_info, with real certificates."""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ..errors import NotEmulatedError
from ..host.state import Certificate
from . import Call, ModuleFailure, Result, handles


@handles("ansible.windows.win_certificate_store", extra=("key_exported",), ignored=("key_exportable", "key_storage"))
def win_certificate_store(call: Call) -> Result:
    if call["store_type"] != "system":
        raise NotEmulatedError("win_certificate_store with store_type=service")
    if call["state"] == "exported":
        return _export(call)
    stored = call.host.system.certificates
    if call["state"] == "absent":
        wanted = {call["thumbprint"].upper()} if call["thumbprint"] else {one.thumbprint for one in _read(call)}
        found = [one for one in stored if one.thumbprint in wanted and _in_store(call, one)]
        if call.live:
            stored[:] = [one for one in stored if one not in found]
        return {"changed": bool(found), "thumbprints": [one.thumbprint for one in found]}
    given = _read(call)
    have = {one.thumbprint for one in stored if _in_store(call, one)}
    new = [one for one in given if one.thumbprint not in have]
    if call.live:
        stored.extend(new)
    return {"changed": bool(new), "thumbprints": [one.thumbprint for one in given]}


def _in_store(call: Call, one: Certificate) -> bool:
    store, location = call["store_name"], call["store_location"]
    return one.store.lower() == store.lower() and one.location.lower() == location.lower()


def _read(call: Call) -> list[Certificate]:
    """From the file: one certificate as DER, any number as PEM, or with a key as PKCS#12."""
    disk, path = call.host.disk, call["path"]
    if not path or not disk.is_file(path):
        raise ModuleFailure(f"File at '{path}' either does not exist or is not a file")
    data = disk.read(path)
    try:
        if b"-----BEGIN CERTIFICATE" in data:
            return [_certificate(call, one, False) for one in x509.load_pem_x509_certificates(data)]
        if path.lower().endswith((".pfx", ".p12")):
            password = call["password"].encode() if call["password"] else None
            key, own, others = pkcs12.load_key_and_certificates(data, password)
            found = [_certificate(call, one, False) for one in others]
            return [_certificate(call, own, key is not None), *found] if own else found
        return [_certificate(call, x509.load_der_x509_certificate(data), False)]
    except ValueError as error:
        raise ModuleFailure(f"Failed to load cert from file: {error}") from None


def _certificate(call: Call, one: x509.Certificate, has_key: bool) -> Certificate:
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns_names = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        dns_names = []
    return Certificate(
        thumbprint=one.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # that is what a thumbprint is
        subject=one.subject.rfc4514_string(),
        store=call["store_name"],
        location=call["store_location"],
        der=one.public_bytes(serialization.Encoding.DER),
        has_private_key=has_key,
        issuer=one.issuer.rfc4514_string(),
        valid_from=one.not_valid_before_utc.timestamp(),
        valid_to=one.not_valid_after_utc.timestamp(),
        serial_number=f"{one.serial_number:X}",
        dns_names=dns_names,
    )


def _export(call: Call) -> Result:
    disk = call.host.disk
    if call["file_type"] == "pkcs12":
        raise NotEmulatedError("win_certificate_store: export as pkcs12")
    wanted = (call["thumbprint"] or "").upper()
    found = [one for one in call.host.system.certificates if one.thumbprint == wanted and _in_store(call, one)]
    if len(found) != 1:
        raise ModuleFailure(f"Found {len(found)} certs when only expecting 1")
    data = found[0].der
    if call["file_type"] == "pem":
        data = x509.load_der_x509_certificate(data).public_bytes(serialization.Encoding.PEM)
    changed = not disk.exists(call["path"]) or disk.read(call["path"]) != data
    if changed and call.live:
        disk.write(call["path"], data)
    return {"changed": changed, "thumbprints": [wanted]}


@handles("ansible.windows.win_certificate_info")
def win_certificate_info(call: Call) -> Result:
    wanted = re.sub(r"\s", "", call["thumbprint"] or "").upper()
    found = [one for one in call.host.system.certificates if _in_store(call, one) and wanted in ("", one.thumbprint)]
    return {"exists": bool(found), "certificates": [_info(one) for one in found]}


def _info(one: Certificate) -> dict[str, Any]:
    return {
        "dns_names": one.dns_names,
        "has_private_key": one.has_private_key,
        "issuer": one.issuer,
        "serial_number": one.serial_number,
        "subject": one.subject,
        "thumbprint": one.thumbprint,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
    }
