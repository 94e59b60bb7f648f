"""What the market signs and publishes so that a bidder can check a result himself; ``auction.verifying`` is the checking."""
