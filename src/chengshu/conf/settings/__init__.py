"""Settings: ``base`` for every program, ``test`` for the suite."""
