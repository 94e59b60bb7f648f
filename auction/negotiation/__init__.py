"""After a lot without a sale: 议价 with the highest bidder, a second chance for another, each a contract of its own."""
