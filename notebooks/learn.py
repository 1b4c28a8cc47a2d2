"""Open the course in JupyterLab, and print the one line that a reader needs."""

import os
import secrets
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent
FIRST = "00_start_here.ipynb"


def free_port(wanted=8888):
    """Return the wanted port if it is free, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue


def address(port):
    """Return where the browser finds the server; in a codespace, that is not on this machine."""
    if name := os.environ.get("CODESPACE_NAME"):
        domain = os.environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
        return f"https://{name}-{port}.{domain}"
    return f"http://127.0.0.1:{port}"


def start_lab(port, token):
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={NOTEBOOKS}",
        "--ServerApp.open_browser=False",
        "--ServerApp.answer_yes=True",  # Ctrl+C stops it without a question
        "--Application.log_level=ERROR",
        "--ServerApp.jpserver_extensions=nbclassic=False",  # it prints an advertisement
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    if "CODESPACE_NAME" in os.environ:  # its pages come from another host; the token still guards
        options += [
            f"--ServerApp.allow_origin={address(port)}",
            "--ServerApp.allow_remote_access=True",
        ]
    # In the environment, and not among the options, other users cannot read the token.
    environment = {**os.environ, "JUPYTER_TOKEN": token, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environment)


def wait_until_open(lab, port):
    """Return True when the server can be reached, False when it has stopped."""
    while lab.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            time.sleep(0.2)
    return False


def has_screen():
    """On Linux a browser without a screen would be one that takes over the terminal."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def main():
    port, token = free_port(), secrets.token_urlsafe(16)
    lab = start_lab(port, token)
    try:
        if wait_until_open(lab, port):
            link = f"{address(port)}/lab/tree/{FIRST}?token={token}"
            print(f"The course is open at {link} (stop with Ctrl+C)", flush=True)
            if has_screen():
                webbrowser.open(link)
        sys.exit(lab.wait())
    except KeyboardInterrupt:
        lab.wait()  # it was told to stop too


if __name__ == "__main__":
    main()
