"""Source trees drawn at random in their true layouts, with the claims that they come to; one module per parser.

A new parser gets a module of its name here, and nothing else changes. It has two functions: `trees()`, a strategy of
`Tree`, and `names(files)`, what each claim is called as a stranger would count it, with nothing of `curate.sources`:
the id of a picture, the number of a case or of a captioned sheet, the path of a plain sheet.
"""
