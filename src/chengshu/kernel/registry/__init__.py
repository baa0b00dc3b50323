"""Manifests: what each package brings to the city, found by walking the tree and validated at start-up."""
