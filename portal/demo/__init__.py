"""Marlow Cycles, the living demo company: loads shipped material around today's date.

``company`` starts it, ``organisation`` brings in people, ``tales`` turns shipped cases into dated stories, ``telling``
plays a story through the rules of the desk, ``loading`` writes rows in bulk. Nobody in it exists.
"""
