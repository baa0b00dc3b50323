"""Restricted opening (受限开放): a named person applies, accepts an agreement, fetches with an own key.

The rows of such a dataset are in no public page, interface or feed (``opening.selectors`` leaves it out); here is the
only door. What was accepted is kept word for word with its version; withdrawal, expiry and the dataset's own withdrawal
close the door with the next request, because every request asks anew.
"""
