"""A JupyterLab with a browser in front of it, for the tests: what a reader sees and can move."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import TimeoutError, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
LAPTOP = {"width": 1366, "height": 768}
AS_IT_IS = {"caret": "initial"}  # of a screenshot: to hide the caret lays out the page anew
SLIDER = ".ui-slider-handle, .noUi-handle"  # of ipywidgets 7 and of 8
# One step may be too small to be seen, and a slider may stand at its end.
KEYS = ("PageUp", "PageDown", "ArrowRight", "ArrowLeft")


@contextmanager
def laboratory(python, folder, chromium, **environment):
    """Start JupyterLab on a folder with the widgets that a Python has; give a browser's page."""
    port, token = free_port(), "for-the-tests"
    settings = folder.parent / "settings/@jupyterlab"
    # All cells of a notebook are on the page, and nothing lies above them.
    write_settings(settings / "notebook-extension/tracker", windowingMode="none")
    write_settings(settings / "apputils-extension/notification", fetchNews="false")
    # On a slow machine saving twice at once would ask which of the two is wanted.
    write_settings(settings / "docmanager-extension/plugin", autosave=False)
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": folder,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.jpserver_extensions": "nbclassic=False",
        "LabApp.app_dir": ROOT / ".venv-readers/share/jupyter/lab",
        "LabApp.user_settings_dir": settings.parent,
        "LabApp.workspaces_dir": folder.parent / "workspaces",
        "LabApp.expose_app_in_browser": True,
    }
    command = [python, "-m", "jupyterlab", *(f"--{name}={of}" for name, of in options.items())]
    with (folder.parent / "server.log").open("w") as log:
        known = {**os.environ, "JUPYTER_TOKEN": token, **environment}
        server = subprocess.Popen(command, env=known, stdout=log, stderr=log)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/api?token={token}", server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
            page = browser.new_page(viewport=LAPTOP)
            page.goto(f"http://127.0.0.1:{port}/lab?token={token}")
            page.wait_for_function("() => window.jupyterapp?.restored", timeout=120_000)
            page.evaluate("() => window.jupyterapp.restored")
            yield page
            browser.close()
    finally:
        server.terminate()
        server.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_settings(path, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".jupyterlab-settings").write_text(json.dumps(settings))


def wait_until_it_answers(address, server, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(address).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start; its log lies beside the notebooks")


# --- one notebook --------------------------------------------------------------------------------

# All notebooks of a laboratory have one kernel, in which nothing of the notebook before is left.
OPEN = """async path => {
  const {commands} = window.jupyterapp, {kernel} = window;
  const widget = await commands.execute("docmanager:open", {path, kernel});
  await widget.context.ready; await widget.sessionContext.ready;
  while (widget.sessionContext.session?.kernel?.connectionStatus !== "connected")
    await new Promise(done => setTimeout(done, 100));
  window.notebook = widget; window.ran = false;
  window.kernel = widget.sessionContext.session.kernel.model;
}"""

RUN = """async () => {
  window.ran = true;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""

CELLS = """() => window.notebook.content.widgets.map(cell => {
  const model = cell.model.toJSON(), outputs = [];
  for (const output of model.outputs ?? []) outputs.push(
    {kind: output.output_type, said: `${output.ename}: ${output.evalue}`,
     kinds: Object.keys(output.data ?? {})});
  return {type: model.cell_type, source: model.source, metadata: model.metadata,
          count: model.execution_count, hidden: cell.inputHidden ?? false, outputs};
})"""

# Pictures that were not drawn, and what is wider than the place that it has.
SEEN = """async () => {
  const node = window.notebook.node, wide = [], blank = [];
  for (const picture of node.querySelectorAll(".jp-OutputArea img"))
    await picture.decode().catch(() => blank.push(picture.outerHTML.slice(0, 80)));
  for (const output of node.querySelectorAll(".jp-OutputArea-output, .jp-RenderedMarkdown"))
    if (output.scrollWidth > output.clientWidth + 2) wide.push(output.textContent.slice(0, 80));
  const details = [...node.querySelectorAll("details")];
  return {wide, blank, hints: details.length, open: details.filter(d => d.open).length};
}"""

# What is left in the kernel, modules above all, is frozen: looking through it takes half a second.
CLOSE = """async () => {
  const {context, sessionContext} = window.notebook;
  if (window.ran) {
    const code = "import ipywidgets\\nipywidgets.Widget.close_all()\\n%reset -f\\n"
      + "__import__('gc').freeze()";
    const {content} = await sessionContext.session.kernel.requestExecute({code, silent: true}).done;
    if (content.status !== "ok") throw Error(`${content.ename}: ${content.evalue}`);
  }
  context.model.dirty = false; window.notebook.close();
}"""


def open_notebook(page, path):
    page.evaluate(OPEN, path)


def run_all(page, seconds=400):
    """Run all cells, and return them as they are then."""
    page.set_default_timeout(1000 * seconds)
    page.evaluate(RUN)
    return page.evaluate(CELLS)


def move_sliders(page, pictures):
    """Move each slider of the notebook; return how many cells have some, and which did nothing.

    A screenshot of each cell with sliders goes into the folder.
    """
    still, place = [], page.locator(".jp-Notebook:visible")
    cells = place.locator(".jp-Cell:has(.slider, .ui-slider, .noUi-target)")
    for number in range(cells.count()):
        cell = cells.nth(number)
        cell.scroll_into_view_if_needed()
        for which, handle in enumerate(cell.locator(SLIDER).element_handles()):
            handle.evaluate(REMEMBER)
            if not any(press(page, key, handle) for key in KEYS):
                still.append(f"widget {number}, slider {which}")
        cell.screenshot(path=pictures / f"widget_{number}.png", **AS_IT_IS)
    return cells.count(), still


# The pictures of a handle's cell, and what its widgets say in words.
SHOWN = """handle => JSON.stringify(
  Array.from(handle.closest(".jp-Cell").querySelectorAll("img, .widget-html-content"),
             part => part.src ?? part.innerHTML))"""
REMEMBER = f"handle => {{ handle.focus(); window.before = ({SHOWN})(handle); }}"
PLACE = "handle => JSON.stringify(handle.getBoundingClientRect())"


def press(page, key, handle, seconds=4):
    """Press a key, and return whether the handle's cell shows something else then.

    Where the handle stays, because it stands at its end, there is nothing to wait for.
    """
    stood = handle.evaluate(PLACE)
    page.keyboard.press(key)
    if handle.evaluate(PLACE) == stood:
        return False
    try:
        other = f"handle => ({SHOWN})(handle) !== window.before"
        page.wait_for_function(other, arg=handle, polling=50, timeout=1000 * seconds)
    except TimeoutError:
        return False
    return True
