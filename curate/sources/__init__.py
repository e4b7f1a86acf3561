"""The parsers of the sources, one module each: `parse(files)` copies what the source writes and interprets nothing."""
