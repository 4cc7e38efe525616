"""``understudy demo``: the main job, with real files, in a new folder."""

from pathlib import Path

import click

from understudy.demo.story import play


@click.command(epilog="\b\nExamples:\n  understudy demo\n  understudy demo --folder ./demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that does not exist yet; default: a new temporary one.",
)
def demo(folder: Path | None) -> None:
    """Play the main job with real files in a new folder, and tell it as it happens.

    Synchronisation, a saved configuration, a full flash, the alarm and its clearing, the loss of the active card, the
    takeover, and the return.
    """
    if folder is not None and folder.exists():
        raise click.BadParameter(f"{folder} exists; name a folder that does not.", param_hint="--folder")
    play(folder)
