"""Results of the larger kinds of studies as variables, numbers, tables and sentences."""
