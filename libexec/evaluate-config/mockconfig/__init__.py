"""Evaluates mock's configuration files: Python code and Jinja2 templates in, one JSON answer out."""
