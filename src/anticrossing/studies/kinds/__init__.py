"""The kinds of studies, one module each, called as the table of a file that tells it.

A module here holds a `Study` as ``KIND``; nothing else has to know of it.
"""
