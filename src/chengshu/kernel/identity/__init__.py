"""Who acts and where: organisations, 12-digit regions, people, accounts and role assignments."""
