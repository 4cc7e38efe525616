"""Where in the record is the fact that proved that an alarm's condition has ceased?"""

from events.envelope import Recorded


def evidence_position(cleared: Recorded, evidence: int) -> int:
    """The position of the fact with version ``evidence``, as seen from the clear that it led to.

    A clear is decided together with its evidence, and the facts of one decision stand in the record without others
    between them; so both are as far apart in the whole record as in their stream. 0 where ``cleared`` was read
    without its position.
    """
    assert evidence < cleared.version, f"{cleared.chassis} version {cleared.version}: evidence comes before its clear"
    return cleared.position - (cleared.version - evidence) if cleared.position else 0
