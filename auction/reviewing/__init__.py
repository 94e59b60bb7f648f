"""A fact of a car changed: its lots are looked at again."""
