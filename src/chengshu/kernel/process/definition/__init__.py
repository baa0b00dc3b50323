"""What a process is: its BPMN file read, checked and kept as a version."""
