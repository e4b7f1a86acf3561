"""A small drawn world of all ten sources in their true file layouts, with the right answers known."""
