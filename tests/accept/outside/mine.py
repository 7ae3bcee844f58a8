"""A user's own scenario, outside the tree."""

import twinpath as tp


@tp.scenario
def mine(net: tp.Net, *, size: tp.Bytes = "200kB", loss: tp.Ratio = "0%"):
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24", stack={"sim": "twinpath", "emu": "linux"})
    net.link(client, server, name="wire", rate="50Mbps", delay="5ms", loss=loss)
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size=size, verify="sha256"))
    net.stop(when=get.done, at_most="60s")
