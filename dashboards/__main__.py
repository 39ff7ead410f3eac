"""`python -m dashboards`: the live dashboard on its port, with Streamlit's own telemetry and watchers off."""

import os
import sys
from pathlib import Path

from schemas.settings import BadSetting, Settings, port_variable
from services.parts.certificates import ServerCertificate
from services.parts.runtime.health import PortTaken, must_be_free


def main() -> None:
    """Replace this process by Streamlit's server; a taken port or a bad setting ends it with one line."""
    try:
        settings = Settings.from_environment()
        port = settings.ports["dashboard"]
        must_be_free("dashboard", settings.host, port, port_variable("dashboard"))
        certificate = ServerCertificate.of(settings.listening)
    except (BadSetting, PortTaken) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    options: dict[str, object] = {
        "server.address": settings.host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
        "theme.base": "light",
        "theme.primaryColor": "#2f6fde",
        "theme.baseRadius": "0.4rem",
    }
    if certificate is not None:
        options |= {"server.sslCertFile": settings.listening.certificate, "server.sslKeyFile": settings.listening.key}
    flags = [f"--{name}={value}" for name, value in options.items()]
    script = str(Path(__file__).parent / "app.py")
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", script, *flags])  # noqa: S606


if __name__ == "__main__":
    main()
