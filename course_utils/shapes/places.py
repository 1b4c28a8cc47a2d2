"""Where the maps of a plan stand on the paper, and how large they are. All lengths are inches."""

TALL, TILE, CHANNELS = 1.2, 0.62, 3  # the largest bar; the largest map where maps are shown
BOX, AROUND, BETWEEN = 0.36, 0.11, 0.8  # an operation's height; free space beside it; two rows
TILE_GAP = 0.04


class Places:
    """Where each map of a plan stands on the paper, and how large it is."""

    def __init__(self, plan, tensors=None, features=False):
        self.plan, self.tensors, self.features = plan, tensors or {}, features
        self.maps = [m for m in plan.maps if not m.within]
        self.most = max((m.shape[0] for m in self.maps), default=1)
        self.tallest = max((max(m.shape[1:]) for m in self.maps), default=1)
        self.x, self.y = self.columns(), self.rows()

    def side(self, m):
        """The height of one map of a tensor, to scale."""
        return (TILE if self.features else TALL) * m.shape[1] / self.tallest

    def size(self, m):
        """Width and height of what stands for a tensor."""
        high = self.side(m)
        if self.is_picture(m):
            return high * m.shape[-1] / m.shape[1], high
        if self.features and m.number in self.tensors:
            count = min(CHANNELS, m.shape[0])
            return (1 + m.joined) * (high + TILE_GAP), count * (high + TILE_GAP) - TILE_GAP
        return 0.03 + 0.31 * (m.shape[0] / self.most) ** 0.5, high

    def is_picture(self, m):
        ends = self.plan.maps[0], self.plan.maps[-1]
        return m.number in self.tensors and m in ends and m.shape[0] in (1, 3) and len(m.shape) == 3

    def has_time(self):
        return any(m.timed for m in self.maps)

    def columns(self):
        """The middle of each column: its widest map, and the longest name beside it, have room."""
        middles, right, self.left = [], 0.1, []
        for column in range(max((m.column for m in self.maps), default=-1) + 1):
            here = [m for m in self.maps if m.column == column]
            half = max([0.12, *(self.size(m)[0] / 2 for m in here)])
            names = [self.name_width(m) for m in here if column and not self.is_straight(m)]
            room = 0.1 if column else max(0.0, 0.4 - half)
            begin = right + max([w + 2 * AROUND for w in names], default=room)
            self.left.append(begin)
            middles.append(begin + half)
            right = begin + 2 * half + 0.85 * any(m.handed_out for m in here)
        return middles

    def rows(self):
        """The middle of each row, counted up from the first."""
        high = {}
        for m in self.maps:
            high[m.row] = max(high.get(m.row, 0), self.size(m)[1])
        middles = [0.0]
        for row in range(1, len(high)):
            middles.append(middles[-1] - (high[row - 1] + high[row]) / 2 - BETWEEN)
        return middles

    def name_width(self, m):
        made = m.via or m
        return 0.062 * max(map(len, [*made.op.split("\n"), self.place(made)])) + 0.15

    def box_height(self, m):
        made = m.via or m
        lines = made.op.count("\n") + bool(self.place(made))
        return 0.0 if self.is_straight(m) or not m.takes else max(BOX, 0.14 * lines + 0.22)

    def place(self, m):
        return "" if self.features else m.place

    def at(self, m):
        return self.x[m.shown.column], self.y[m.shown.row]

    def extent(self):
        """Width, lowest and highest place of the picture."""
        if not self.maps:
            return 5.0, 0.0, 1.0
        last = max(self.maps, key=lambda m: m.column)
        beside = self.name_width(last) if self.is_straight(last) and last.rising else 0.35
        wide = self.x[-1] + max(beside + 0.1, self.size(last)[0] / 2 + 0.1)
        low = min(self.at(m)[1] - self.size(m)[1] / 2 for m in self.maps) - 0.38
        around = any(self.goes_around(s, m) for m in self.maps if not m.row for s in m.takes[1:])
        room = 0.42 + 0.35 * around
        self.top = max(self.size(m)[1] / 2 for m in self.maps if m.row == 0) + room
        return max(wide, 4.0), low, self.top + 0.5 * self.has_time()

    def is_straight(self, m):
        """True for what is reached straight from above or from below."""
        return bool(m.takes) and (m.via or m).takes[0].shown.column == m.shown.column

    def goes_around(self, source, m):
        """True if other maps stand between two of the same row."""
        between = range(source.shown.column + 1, m.column)
        return source.shown.row == m.row and any(
            other.row == m.row and other.column in between for other in self.maps
        )
