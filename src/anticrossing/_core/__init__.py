"""What every room builds on and no physics: checks, safe formulas, compilation, files, threads."""
