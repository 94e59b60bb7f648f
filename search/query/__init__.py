"""What people ask: understood, filtered, sorted, counted."""
