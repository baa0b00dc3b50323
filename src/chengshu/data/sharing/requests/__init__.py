"""Applying for data like shopping: a cart, one form, conformity review, the provider's answer, the grant."""
