"""What happens on a lot, as it happens, after it is committed."""
