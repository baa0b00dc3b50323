"""The catalogue as DCAT-AP 3: datasets, distributions, data services, for other catalogues to harvest."""
