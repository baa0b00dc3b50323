"""The citizen portal: a shell over what the manifests offer."""
