"""Why a subscription cannot begin or go on."""

from events.errors import UnderstudyError


class SubscriptionError(UnderstudyError):
    """A subscription cannot begin or go on; the message says what to do."""


class SubscriptionUsageError(SubscriptionError):
    """What was asked for, or a setting, cannot be as it is written."""


class NoContactError(SubscriptionError):
    """Nobody answers, or nobody knows of the topic: who is under way already waits for that to change."""


class GroupBusyError(SubscriptionError):
    """Another process is the member of this group."""


class MissingPositionsError(SubscriptionError):
    """Positions that were to be delivered are not there any more: ``first`` to ``last``."""

    def __init__(self, where: str, first: int, last: int) -> None:
        self.first, self.last = first, last
        positions = f"position {first} is" if first == last else f"positions {first} to {last} are"
        self.what = f"{positions} not in {where} any more"
        super().__init__(
            f"{self.what}. The record has what Kafka has not: leave --kafka and UNDERSTUDY_KAFKA away; "
            "--skip-missing goes on without"
        )
