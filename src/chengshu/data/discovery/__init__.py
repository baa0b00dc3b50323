"""Finding out what is there: entries proposed from a source, changes of a source, the same item kept twice."""
