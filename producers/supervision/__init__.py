"""Supervision: watching the cards of a chassis, and doing what follows from what is seen."""

from producers.supervision.schedule import Settings
from producers.supervision.supervisor import Supervisor

__all__ = ["Settings", "Supervisor"]
