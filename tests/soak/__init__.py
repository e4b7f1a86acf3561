"""A soak: small random worlds, built while something goes wrong, held against the same world built in peace.

`worlds` draws a world, `faults` what goes wrong, `children` types a command in a process of its own, `trials` holds the
outcome against an undisturbed build. `python -m soak` plays a stretch of seeds and writes a line of JSON for each.
"""
