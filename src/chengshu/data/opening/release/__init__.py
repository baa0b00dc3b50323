"""Makes a release: files in open formats, checksums and a profile, in bounded memory, published by one swap."""
