"""The command line: `./twinpath COMMAND`."""
