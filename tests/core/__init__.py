"""Table tests of the pure core: a module of tests for each of its modules."""
