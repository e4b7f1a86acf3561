"""Pages and charts as text: one HTML or SVG file that asks nothing of any network."""
