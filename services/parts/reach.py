"""How an app's upstreams are reached: the CAs that they are trusted by, and the proxy on the way to each."""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

import httpx

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration
from services.parts.certificates import BadCertificate, trusted_by


def trust_of(app: App) -> ssl.SSLContext | None:
    """Return what calls to an app's upstreams go by; None means the public CAs, or those in SSL_CERT_FILE.

    Raises:
        BadConfiguration: Its file of CAs can't be read, or holds none.
    """
    if not app.upstream_ca_file:
        return None
    try:
        return trusted_by(Path(app.upstream_ca_file), "upstream_ca_file")
    except BadCertificate as error:
        raise BadConfiguration(f"apps: {app.name}: {error}") from error


def proxy_to(url: str, environment: Mapping[str, str]) -> str:
    """Return the proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for a URL; empty for none.

    Names in small letters win, and this machine is never asked for through another one.

    Raises:
        BadConfiguration: It is no HTTP proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_here(host) or proxy_bypass_environment(host, {"no": _named("no_proxy", environment)}):
        return ""
    proxy = _named(f"{parts.scheme}_proxy", environment) or _named("all_proxy", environment)
    if proxy and urlsplit(proxy).scheme not in ("http", "https"):
        raise BadConfiguration(f"{parts.scheme.upper()}_PROXY: the proxy must be an http:// or https:// address")
    return proxy


def client_for(url: str, trust: ssl.SSLContext | None, environment: Mapping[str, str] = os.environ) -> httpx.Client:
    """Return a client for calls of our own to an upstream. Close it."""
    return httpx.Client(trust_env=False, verify=trust or True, proxy=proxy_to(url, environment) or None)


def _named(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
