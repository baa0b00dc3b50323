"""保障体系: security, policies, standards, organisation."""
