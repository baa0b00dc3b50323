"""What can be done in cascading; one module for each thing people speak of."""
