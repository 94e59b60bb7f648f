"""Price estimates: a trained model, its interval, and refusals outside its data."""
