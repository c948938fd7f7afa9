"""The edges' side of the calls that a running call makes (shared/inner.py): a script's, or a composite's.

`requests` takes them off the list, `opening` says what they are, `answering` makes of each a call or an answer, `in_hand`
knows what has no answer yet, `replies` tells the worker.
"""
