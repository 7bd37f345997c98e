"""Studies of what the paper leaves open: each is a command that trains, and keeps what it found in a file.

`make report` needs none of them; the report's page *Studies* shows their files.
"""
