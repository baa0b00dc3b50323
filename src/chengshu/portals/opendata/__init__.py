"""The opendata portal: a shell over what the manifests offer."""
