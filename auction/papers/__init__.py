"""The papers of a sale, printed and sealed by its house: notice, catalogue, confirmation, minutes."""
