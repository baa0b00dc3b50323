"""The catalogue as an Excel file: a template to fill in, a careful import, an export that reads back unchanged."""
