"""归集任务: how and when a resource is collected again and again, and whether it agrees with its source."""
