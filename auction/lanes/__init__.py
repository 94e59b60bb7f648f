"""The live lane: a run list, several lots up at once, an auctioneer at the console, paddles in the room."""
