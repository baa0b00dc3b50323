"""Protection of personal data: detectors that find it and the masks that hide it. Pure library, no Django."""
