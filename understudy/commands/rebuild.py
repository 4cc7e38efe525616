"""``understudy rebuild``: makes what stands beside the record anew, from the record."""

import time
from contextlib import closing
from pathlib import Path

import click

from understudy.counting import counting
from understudy.home import Home
from understudy.options import home_option, use_home
from understudy.reading import snapshots_at

WORDS = ("snapshots", "tree", "all")


@click.command(
    epilog="""\b
Examples:
  understudy rebuild
  understudy rebuild snapshots
  understudy rebuild tree --home /srv/understudy"""
)
@click.argument("what", type=click.Choice(WORDS), default="all")
@home_option
@use_home
def rebuild(home: Home, what: str) -> None:
    """Make the snapshots, the tree of the proofs, or both (all) anew, from position 1.

    Both can be lost without harm: answers take longer without snapshots, and the tree is made when it is needed. The
    record is only read; everything else may go on meanwhile.
    """
    record = home.record()
    if what in {"snapshots", "all"}:
        _say("snapshots", snapshots_at(home), *_snapshots(home))
    if what in {"tree", "all"}:
        # Who asks for snapshots alone does not wait for this.
        from audit.tree import FILE, discard, open_tree  # noqa: PLC0415

        path, began = home.folder / FILE, time.monotonic()
        discard(path)
        with counting("making the tree") as count, closing(open_tree(home.folder, record, progress=count.show)) as tree:
            size = tree.size
        _say("tree", path, size, time.monotonic() - began)


def _snapshots(home: Home) -> tuple[int, float]:
    # No other command waits for what shares work over processes.
    from audit.snapshots.rebuilding import rebuild as make  # noqa: PLC0415

    began = time.monotonic()
    with counting("making the snapshots") as count:
        return make(home.place, snapshots_at(home), count.show), time.monotonic() - began


def _say(what: str, path: Path, facts: int, seconds: float) -> None:
    rate = f", {facts / seconds:,.0f}/s" if seconds >= 1 else ""
    click.echo(f"The {what} of {facts:,} events: {path} ({seconds:.1f} s{rate})")
