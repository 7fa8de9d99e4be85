"""Gene expression: tables of cells or samples by genes, published models for them, and how these are judged."""
