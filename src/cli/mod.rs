//! One file for each command: the list of files is the list of commands.
