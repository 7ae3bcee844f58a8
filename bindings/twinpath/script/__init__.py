"""Protocol scripts in packetdrill's language against one of our hosts: what `./twinpath script`
runs. `grammar` reads a file, `runner` plays it, `abi` is the C interface underneath."""
