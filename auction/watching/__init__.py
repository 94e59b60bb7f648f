"""What a bidder follows: his watch list, his bids and what they cost him, and what he is told."""
