"""The console portal: a shell over what the manifests offer."""
