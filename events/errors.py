"""Every way in which the record refuses or fails, on one screen."""


class UnderstudyError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class CommandRefusedError(UnderstudyError):
    """A command that the present state does not allow; nothing was recorded."""


class UnknownChassisError(CommandRefusedError):
    """A chassis that was never provisioned in this record."""


class EventDecodeError(UnderstudyError):
    """A stored event that is not exactly of a known shape: names the stored name and the field."""


class EventEncodeError(UnderstudyError):
    """A fact that could not be read back, were it stored: names the stored name and the field; nothing was recorded."""


class RecordUnreadableError(UnderstudyError):
    """The record cannot be read as one: damaged, not a record, or no permission."""


class RecordReadOnlyError(RecordUnreadableError):
    """The record can be read here and not be written; nothing was recorded."""


class BadPlaceError(UnderstudyError):
    """What names the place of a record is not one; the message does not repeat it, since it may have a password."""


class RecordMissingError(RecordUnreadableError):
    """There is no record where one is looked for."""


class RecordAwayError(RecordUnreadableError):
    """The database of the record cannot be reached at present; it may be back soon."""


class RecordNewerError(RecordUnreadableError):
    """The record was written by a newer version than this program."""


class RecordContendedError(UnderstudyError):
    """Other writers won every one of very many tries; nothing was recorded."""
