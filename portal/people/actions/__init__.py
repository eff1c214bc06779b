"""The write side of people: one function per intent."""
