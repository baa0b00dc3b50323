"""Pages of sign-in, the own account, organisations and accounts."""
