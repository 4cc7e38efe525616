"""The dashboards of deploy/grafana/dashboards, as typed code; `python -m dashboards` writes them."""
