"""From fields of view to cells: reads fields, finds cells, drops what is no good, cuts, writes."""
