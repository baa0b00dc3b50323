"""The verbs of opening: create, change, publish and withdraw datasets and interfaces."""
