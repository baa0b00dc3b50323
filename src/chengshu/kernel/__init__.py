"""What every package of the city stands on: identity, access, audit, events, jobs, files, search, ui."""
