"""异常提示: calls that do not look like the application's own past, for a person to judge."""
