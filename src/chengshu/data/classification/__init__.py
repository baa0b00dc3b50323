"""The classification scan (分类分级扫描): personal data in what the catalogue declared harmless."""
