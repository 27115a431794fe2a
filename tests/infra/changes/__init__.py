"""What a change of variables does to an environment that is in use.

Read cases.py first (what is changed), then environment.py (an environment that is changed, one
operation after the other), harm.py (what must not happen on the way) and table.py (what the README
says of it). ../check_changes.py runs them.
"""
