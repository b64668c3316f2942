"""What every room builds on and no physics: checks, safe formulas, compilation, files, threads.

What enters knows neither levels nor drives, and imports nothing of the package but `_core`.
"""
