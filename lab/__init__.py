"""Studies of the repository that are no part of the package: reproductions of the papers, robustness, the family."""
