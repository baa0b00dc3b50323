"""问题工单: what is wrong with a department's data, who mends it, by when, and whether it is mended."""
