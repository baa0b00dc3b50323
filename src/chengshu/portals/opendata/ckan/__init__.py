"""The CKAN action API, read side: what ``ckanapi``, harvesters and frictionless ask of an open-data portal."""
