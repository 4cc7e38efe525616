"""What does each state and mark look like? Never by colour alone: every bar has a texture, every mark a shape."""

from typing import NamedTuple

from projections.period_lanes import LaneKind


class Texture(NamedTuple):
    """Stripes that repeat after ``across`` and ``down`` pixels; ``base`` percent of them have the full colour.

    They are gradients with hard edges, not patterns: browsers print those as pictures, page after page of them.
    """

    across: float
    down: float
    base: int


PLAIN = Texture(1, 0, 100)
RISING = Texture(3.5, 3.5, 60)
FALLING = Texture(2.6, -2.6, 62)
LINES = Texture(0, 4, 62)
POSTS = Texture(5, 0, 66)
FINE_POSTS = Texture(3, 0, 50)

TEXTURES: dict[str, Texture] = {
    "ready": PLAIN,
    "syncing": RISING,
    "not-ready": POSTS,
    "single-card": FALLING,
    "A": PLAIN,
    "B": LINES,
    "in-service": PLAIN,
    "absent": RISING,
    "failed": FALLING,
    "watched": PLAIN,
    "unwatched": RISING,
    "unknown": POSTS,
    "succeeded": PLAIN,
    "running": RISING,
    "completed": PLAIN,
    "refused": RISING,
    "critical": FALLING,
    "major": RISING,
    "minor": POSTS,
    "warning": LINES,
    "indeterminate": FINE_POSTS,
    "late": POSTS,
}
"""By state."""

WORST_FIRST = (
    *("single-card", "critical", "failed", "major", "not-ready", "refused", "absent", "minor", "unwatched", "unknown"),
    *("warning", "late", "indeterminate", "syncing", "running", "ready", "in-service", "watched", "succeeded"),
    *("completed", "A", "B"),
)
"""States in the order in which they claim a place that is too narrow for all: no failure hides behind a success."""

GLYPHS: dict[str, str] = {
    "raised": "M0 -5L5.2 4H-5.2Z",
    "repeated": "M-1.6 -4.5h3.2v9h-3.2z",
    "cleared": "M0 -4.4A4.4 4.4 0 1 1 -.01 -4.4ZM0 -2A2 2 0 1 0 .01 -2Z",
    "acknowledged": "M-5 0L-3.4 -1.7L-1.4 .4L3.4 -4.6L5 -3L-1.4 3.8Z",
    "closed": "M-4.4 -4.4h8.8v8.8h-8.8zM-2.2 -2.2v4.4h4.4v-4.4z",
    "commented": "M-5 -4.4h10v6.4h-5l-3 3v-3h-2z",
    "shelved": "M-5.2 -4H5.2L0 5Z",
    "unshelved": "M-5.2 2L0 -4.4L5.2 2ZM-5.2 3.2h10.4v1.6h-10.4z",
    "purged": "M-4.6 -3L-3 -4.6L0 -1.6L3 -4.6L4.6 -3L1.6 0L4.6 3L3 4.6L0 1.6L-3 4.6L-4.6 3L-1.6 0Z",
    "compressed": "M-5 -3.6h10v2.6h-10zM-5 1h10v2.6h-10z",
    "several": "M0 -5L5 0L0 5L-5 0Z",
}
"""By kind of mark, around its middle; ``several`` is what stands for different ones."""

LEGEND: tuple[tuple[str, LaneKind, tuple[str, ...]], ...] = (
    ("Redundancy", LaneKind.REDUNDANCY, ("ready", "syncing", "not-ready", "single-card")),
    ("Card", LaneKind.CARD, ("in-service", "failed", "absent")),
    ("Supervision", LaneKind.SUPERVISION, ("watched", "unwatched", "unknown")),
    ("Attempt", LaneKind.ATTEMPTS, ("succeeded", "failed", "running")),
    ("Switchover", LaneKind.SWITCHOVERS, ("completed", "failed", "refused", "running")),
    ("Alarm", LaneKind.ALARM, ("critical", "major", "minor", "warning", "indeterminate")),
)
"""What the key under the drawing explains, beside the marks."""
