"""Sharing (共享子系统): interfaces, applications, keys and grants, published to the gateway; calls counted back."""
