"""``understudy export``: what the record says, for other systems to fetch."""

import threading
from pathlib import Path

import click

from consumers.prometheus.address import Address
from understudy import __version__
from understudy.abbreviations import Words
from understudy.counting import Counting
from understudy.home import Home
from understudy.logs import telling
from understudy.options import home_option, use_home
from understudy.stopping import stopping

DEFAULT_ADDRESS = "127.0.0.1:9820"


class ListenAddress(click.ParamType[Address]):
    """An address and a port to listen on."""

    name = "HOST:PORT"

    def convert(self, value: str | Address, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """The address that a text means."""
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def means_all(home: Home, what: str) -> None:
    """Refuses ``--chassis`` where it was typed and says nothing; in the environment it is there for other commands.

    Raises:
        UsageError: it was typed.
    """
    if "chassis" in home.typed:
        raise click.UsageError(f"--chassis has no meaning here: {what}.")


@click.group(cls=Words)
def export() -> None:
    """Let other systems fetch what the record says."""


@export.command(
    epilog="\b\nExamples:\n  understudy export prometheus\n  understudy export prometheus --listen '[::1]:9820'"
)
@click.option(
    "--listen",
    type=ListenAddress(),
    envvar="UNDERSTUDY_LISTEN",
    default=DEFAULT_ADDRESS,
    show_default=True,
    help="Address to serve on; port 0 takes a free one.  [env: UNDERSTUDY_LISTEN]",
)
@click.option("--tls-cert", type=click.Path(path_type=Path, dir_okay=False), help="Certificate, in PEM: serve HTTPS.")
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="Its key, in PEM.")
@click.option(
    "--tls-client-ca",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Answer only clients that show a certificate of this authority, in PEM.",
)
@home_option
@use_home
def prometheus(
    home: Home, listen: Address, tls_cert: Path | None, tls_key: Path | None, tls_client_ca: Path | None
) -> None:
    """Serve metrics of all chassis for Prometheus at /metrics; docs/reference/metrics.md lists them.

    Until the record is read, and whenever it cannot be read, scrapes are answered with 503. SIGTERM and Ctrl-C end it.
    """
    if (tls_cert is None) != (tls_key is None) or (tls_client_ca is not None and tls_cert is None):
        raise click.UsageError("--tls-cert and --tls-key belong together, and --tls-client-ca needs them.")
    # Other commands do not wait for the client library.
    from consumers.prometheus.exporter import Exporter  # noqa: PLC0415
    from consumers.prometheus.server import Tls  # noqa: PLC0415

    means_all(home, "metrics are those of every chassis of the record")
    record = home.record()
    tls = None if tls_cert is None or tls_key is None else Tls(tls_cert, tls_key, tls_client_ca)
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        record.hurry()

    exporter = Exporter(record, listen, version=__version__, tls=tls, progress=Counting("reading the record").show)
    with telling(), stopping(stop), exporter:
        click.echo(f"Metrics are served at {exporter.url}/metrics")
        stopped.wait()
