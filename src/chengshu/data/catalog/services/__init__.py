"""Everything that writes the catalogue; one module per part of an entry's life."""
