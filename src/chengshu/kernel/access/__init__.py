"""Who may do what: deny by default; routes, services and queries all ask here."""
