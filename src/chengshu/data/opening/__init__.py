"""Opening (开放子系统): what the city gives away: gate, releases in open formats, public interfaces."""
