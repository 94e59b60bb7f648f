"""Opening and closing of lots by the clock."""
