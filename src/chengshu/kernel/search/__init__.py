"""One search over everything, for Chinese words of two to four characters, the same on both databases."""
