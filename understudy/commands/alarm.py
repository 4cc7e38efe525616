"""``understudy admin alarm``: what operators do to alarms, as RFC 8632 defines it."""

import click

from events.commands import AlarmAction, OperateAlarm
from events.facts import AlarmKey
from projections.alarm_list import AlarmList
from understudy.abbreviations import Words
from understudy.home import Home
from understudy.options import chassis_options, operator_option, use_home
from understudy.reading import alarm_list, snapshots_at

_REQUIRED = "  [required]"
_HELP = {
    AlarmAction.ACKNOWLEDGE: "Take note of alarms: somebody knows and looks after them.",
    AlarmAction.CLOSE: "Be done with alarms; one that still stands stays on the list, as closed.",
    AlarmAction.COMMENT: "Add a note to alarms.",
    AlarmAction.SHELVE: "Take alarms off the list; they are still tracked, and shelved again when they return.",
    AlarmAction.UNSHELVE: "Put shelved alarms back on the list.",
    AlarmAction.PURGE: "Remove alarms from the list. The record keeps them, and they return when their condition does.",
    AlarmAction.COMPRESS: "Show only the newest status change of alarms; the record keeps all.",
}


@click.group(cls=Words)
def alarm() -> None:
    """Acknowledge, close, comment, shelve, unshelve, purge or compress alarms.

    ALARM is an index of `understudy show system alarms`. Who, when and why become part of the record.
    """


def _add(action: AlarmAction) -> None:
    example = f"  understudy admin alarm {action} 3 --text 'ticket 4711'"

    @alarm.command(name=action.value, help=_HELP[action], epilog=f"\b\nExample:\n{example}")
    @click.argument("indexes", metavar="ALARM...", type=click.IntRange(min=1), nargs=-1, required=True)
    @click.option("--text", help="Why, for the record." + (_REQUIRED if action is AlarmAction.COMMENT else ""))
    @chassis_options
    @operator_option
    @use_home
    def act(home: Home, indexes: tuple[int, ...], text: str | None, operator: str) -> None:
        if action is AlarmAction.COMMENT and not (text or "").strip():
            raise click.UsageError("A comment needs its --text.")
        chassis = home.pick()
        listed = alarm_list(home.record(), chassis, snapshots=snapshots_at(home))
        keys = [_key(listed, index) for index in indexes]
        commands = [
            (chassis, OperateAlarm(action=action, alarm=key, operator=operator, text=text or ""))
            for key in dict.fromkeys(keys)
        ]
        home.record().execute_all(commands)
        for key in dict.fromkeys(keys):
            named = " ".join(part for part in (key.resource, key.alarm_type, key.qualifier) if part)
            click.echo(f"{action}: {named}")


def _key(listed: AlarmList, index: int) -> AlarmKey:
    for alarm in listed.alarms.values():
        if alarm.index == index:
            return alarm.key
    raise click.BadParameter(
        f"{index}: no alarm has this index now; see: understudy show system alarms", param_hint="ALARM"
    )


for _action in AlarmAction:
    _add(_action)
