"""`new`: the profile of a log, proposals, and the text of the declaration."""
