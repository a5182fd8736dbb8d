"""The screens that ask and answer: each returns a value, none of them touches a file."""
