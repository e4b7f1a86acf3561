"""The stages of the build, one module each: `run(workspace)` reads tables, leaves tables and returns a Report."""
