"""异常线索: calls unlike the application's own past, or refused too often, for a person to judge."""
