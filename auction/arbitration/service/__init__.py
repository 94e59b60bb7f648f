"""Claims about defects: filed, answered, proved, decided."""
