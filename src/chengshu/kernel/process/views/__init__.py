"""Pages of processes: the one to-do list and its neighbours, a case, and what is done with it."""
