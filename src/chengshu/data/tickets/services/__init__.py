"""What writes tickets; every act is one transaction with its line in the time line, its audit record and its event."""
