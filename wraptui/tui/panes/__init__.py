"""The four lists of the dashboard: each module says what its rows are, how they look, and why they are so."""
