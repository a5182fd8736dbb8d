"""Knows the report: one page of who can reach what, as a value, as Markdown and as HTML with its charts.

`facts` is what a page is made from, `build` makes it, `markdown` and `html` spell it.
"""
