"""One recipe run with several seeds: a run folder each, the spread of their numbers, and their differences."""
