"""People and organisation: persons, departments, locations, roles, working hours, absence, sign-in, import, directory.

Everybody signed in reads the directory and edits their own profile; leads edit the value line of their department;
administrators keep persons, departments, roles, locations and working hours; HR may import and see people who left.
"""
