"""What generated expression is compared by."""
