"""One search box over the catalogue: entries with the items that match, standards, systems, business items."""
