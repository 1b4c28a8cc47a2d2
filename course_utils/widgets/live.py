"""A picture that a running loop replaces."""

import matplotlib.pyplot as plt
from IPython.display import display


class LivePicture:
    """One place in a notebook's output; each figure shown in it takes the place of the last."""

    def __init__(self):
        self.handle = None

    def show(self, figure):
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)
