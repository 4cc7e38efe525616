"""Command words may be shortened as on the router's own command line, as far as they stay unique."""

import click


class Words(click.Group):
    """A group of commands that also knows each of them by any unambiguous beginning of its name."""

    group_class = type  # click's way to say: groups below are of this class, too

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or the only one whose name begins so."""
        exact = super().get_command(ctx, cmd_name)
        if exact is not None:
            return exact
        begun = [name for name in self.list_commands(ctx) if name.startswith(cmd_name)]
        if len(begun) > 1:
            ctx.fail(f"{cmd_name!r} is ambiguous: {', '.join(sorted(begun))}.")
        return self.get_command(ctx, begun[0]) if begun else None
