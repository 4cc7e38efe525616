"""``show redundancy history``: the synchronisation attempts."""

from projections.sync_history import Attempt, SyncHistoryListing
from understudy.screens.redundancy import stamp

RULE = "=" * 79


def history_lines(listing: SyncHistoryListing, last: int) -> list[str]:
    """The newest ``last`` attempts, newest first."""
    shown = listing.attempts[:last]
    lines = [RULE, f"Synchronization Attempts: {listing.chassis} [{len(shown)} of {len(listing.attempts)}]", RULE]
    lines += [f"{'No.':<6}{'Started':<25}{'Scope':<10}{'Trigger':<12}{'Cards':<8}Outcome", "-" * 79]
    for attempt in shown:
        cards = f"{attempt.source}->{attempt.standby}"
        lines.append(
            f"{attempt.attempt:<6}{stamp(attempt.started_at, ''):<25}{attempt.scope:<10}{attempt.trigger:<12}"
            f"{cards:<8}{_outcome(attempt)}"
        )
    return [*lines, RULE]


def _outcome(attempt: Attempt) -> str:
    if attempt.cause is not None:
        return f"failed: {attempt.cause}"
    if attempt.duration_ms is None:
        return str(attempt.result)
    return f"{attempt.result}: {attempt.bytes_copied} bytes in {attempt.duration_ms / 1000:.1f} s"
