"""What every room builds on: checks, safe formulas, compilation, files, results, threads.

No physics enters here, and nothing here imports another room.
"""
