"""What all pages share: variables, links to each other, time range, and marks where something happened."""

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.queries import DATASOURCE

FLEET, CHASSIS, PIPELINE = "understudy-fleet", "understudy-chassis", "understudy-pipeline"
TAG = "understudy"
THIS_CHASSIS = (
    f"/d/{CHASSIS}?${{datasource:queryparam}}&var-instance=${{__data.fields.instance}}"
    "&var-chassis=${__data.fields.chassis}&${__url_time_range}"
)
"""Where a row with these two labels leads."""


def page(uid: str, title: str, description: str) -> Dashboard:
    """A page without panels; it leads to the others, and keeps the time range and the variables on the way."""
    others = (
        DashboardLink("Understudy")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )


def choice(name: str, label: str, values: str) -> QueryVariable:
    """A variable whose values Prometheus knows: ``values`` is label_values(...)."""
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": values, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def any_of(name: str, label: str, values: str) -> QueryVariable:
    """The same, several at once; all of them at first."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    return choice(name, label, values).multi(multi=True).include_all(include_all=True).current(everything)


def marks(name: str, colour: str, selector: str) -> AnnotationQuery:
    """A mark wherever a counter of the record grew, its first step included."""
    before = f"{selector} offset $__interval"
    known = "on (job, instance) understudy_record_head_position offset $__interval"
    query = f"{selector} > {before} or ({selector} unless {before}) and {known}"
    return AnnotationQuery().name(name).datasource(DATASOURCE).enable(enable=True).icon_color(colour).expr(query)
