"""The staff portal: a shell over what the manifests offer."""
