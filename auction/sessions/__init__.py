"""Sessions: lots under one set of rules, frozen at opening."""
