"""A lot that comes again: by its consignor's plan when it passed, at the defaulter's cost when its winner broke the sale."""
