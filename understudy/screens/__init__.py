"""Screens: what projections say, as text in the layout of the router's own screens, or as JSON."""
