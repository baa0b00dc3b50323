"""智慧应用体系: city applications by area; each is one folder."""
