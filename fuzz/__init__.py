"""Programs that look for failures at random, for longer than a test may take."""
