"""API tokens of a person: a program acts in somebody's name, with less than that person may do, until a day."""
