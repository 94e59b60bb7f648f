"""The records of a sale in one file, and how long they are kept (拍卖法 54)."""
