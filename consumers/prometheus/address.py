"""Where the exporter listens: an address and a port as people write them."""

from typing import NamedTuple, Self

_LARGEST_PORT = 65535


class Address(NamedTuple):
    """A host name or address, and a port; port 0 lets the system choose a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address that ``HOST:PORT`` means; an IPv6 address stands in brackets, as in a URL.

        Raises:
            ValueError: it means none; the message says what to write.
        """
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        bare = host[1:-1] if bracketed else host
        if not colon or not bare or (":" in bare) != bracketed or not port.isdecimal() or int(port) > _LARGEST_PORT:
            raise ValueError(f"{text!r}: write HOST:PORT, such as 127.0.0.1:9820 or [::1]:9820")
        return cls(bare, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
