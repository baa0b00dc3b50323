"""The cockpit portal: a shell over what the manifests offer."""
