"""A training run to look at while it goes, with a button that ends it."""

import html
import threading
import time

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display

from course_utils.files import FileError
from course_utils.plots import grid
from course_utils.widgets.explorer import put


class TrainingView:
    """Runs a training loop in a thread of its own, and shows how it goes.

    train() yields states; the view draws the loss and the learning rate, and tells scale, skipped
    steps and pictures per second. draw(state), if given, returns samples (B, C, H, W) that are
    shown every `every` steps. after(state), if given, is called after each step: it may save, and
    if that fails, the run goes on. The kernel stays free meanwhile, so the button works; result()
    waits for the end.
    """

    def __init__(self, states, config, draw=None, after=None, every=100):
        self.states, self.config, self.draw, self.after = states, config, draw, after
        self.every, self.losses, self.rates, self.state, self.error = every, [], [], None, None
        self.lost, self.stop = "", threading.Event()
        self.curve, self.samples = (ipywidgets.Image(format="png") for _ in "ab")
        for picture in (self.curve, self.samples):  # until there is something to show
            put(plt.Figure(figsize=(5.2, 2.6)), picture)
        self.told = ipywidgets.HTML()
        self.button = ipywidgets.Button(description="Stop after this step")
        self.button.on_click(lambda button: self.stop.set())
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        """Show the view, begin, and return the view."""
        pictures = [self.curve] + [self.samples] * (self.draw is not None)
        layout = ipywidgets.Layout(flex_flow="row wrap", align_items="flex-start")
        pictures = ipywidgets.Box(pictures, layout=layout)
        display(ipywidgets.VBox([self.button, self.told, pictures]))
        self.thread.start()
        return self

    def result(self):
        """Wait for the end, and return the last state; an interrupt of the kernel ends the run."""
        try:
            while self.thread.is_alive():
                self.thread.join(0.1)
        except KeyboardInterrupt:
            self.stop.set()
            self.thread.join()
        if self.error:
            raise self.error
        if self.lost:
            print(self.lost)
        return self.state

    def run(self):
        """The loop, in the thread. What it raises is kept for result()."""
        shown = begun = time.perf_counter()
        first = None
        try:
            for self.state in self.states:
                first = self.state.step if first is None else first
                self.losses.append(self.state.last_loss)  # it is read in show()
                self.rates.append(self.state.lr)
                ends = self.stop.is_set() or self.state.step == self.config.steps
                if self.after:
                    self.call_after()
                if self.draw and (ends or self.state.step % self.every == 0):
                    put(grid(self.draw(self.state), columns=5), self.samples)
                now = time.perf_counter()
                if ends or now - shown > 1:
                    shown = now
                    self.show((self.state.step - first + 1) / (now - begun))
                if ends:
                    break
        except Exception as error:
            self.error = error
            self.told.value = f"<b>stopped:</b> {error}"
        self.button.disabled = True

    def call_after(self):
        """Call after(state). A disk that is full, or Drive that fails, does not end the run."""
        try:
            self.after(self.state)
        except FileError as error:
            self.lost = f"Not saved: {error}. The training went on; make room, then save again."

    def show(self, rate):
        """Draw the curves and tell the numbers; rate is in steps per second."""
        state, self.losses = self.state, [float(loss) for loss in self.losses]
        figure = plt.Figure(figsize=(5.2, 2.6), layout="constrained")
        loss = figure.subplots()
        lr = loss.twinx()
        loss.plot(range(state.step - len(self.losses) + 1, state.step + 1), self.losses, lw=1)
        lr.plot(range(state.step - len(self.rates) + 1, state.step + 1), self.rates, "C1:", lw=1)
        loss.set_xlabel("step")
        loss.set_ylabel("loss", color="C0")
        lr.set_ylabel("learning rate", color="C1")
        put(figure, self.curve)
        self.told.value = (
            f"step {state.step} of {self.config.steps}, loss {state.loss:.3f}, "
            f"scale {state.scaler.get_scale():g}, {state.skipped} steps skipped, "
            f"{rate * self.config.batch * self.config.accumulate:.0f} pictures per second"
            f"<br>{html.escape(self.lost)}"
        )
