"""Writes the dashboards as JSON; a test fails when one is out of date.

Usage: python -m dashboards [FOLDER]   (default: deploy/grafana/dashboards)
"""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import chassis, fleet, pipeline

FOLDER = Path(__file__).parent.parent / "deploy" / "grafana" / "dashboards"


def number(dashboard: Dashboard) -> Dashboard:
    """Gives each panel an id, in the order of the page."""
    for panel_id, panel in enumerate(dashboard.panels or [], 1):
        panel.id_val = panel_id
    return dashboard


def main(folder: Path) -> None:
    """Writes each dashboard under its uid."""
    for page in (fleet, chassis, pipeline):
        dashboard = number(page.dashboard().build())
        text = json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True)
        (folder / f"{dashboard.uid}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
