"""Composites as they run (DADL 0.2, composites): `composed` runs one, `limits` says what it may use, `outcome` is what its
caller gets.
"""
