"""Portfolio proxy: any two of these eight, at most so much together."""
