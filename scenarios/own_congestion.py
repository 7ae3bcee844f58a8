"""A congestion control of one's own, in C++, beside those we have."""

import twinpath as tp


@tp.scenario
def own_congestion(net: tp.Net, *, size: tp.Bytes = "2MB", rate: tp.Rate = "50Mbps",
                   delay: tp.Time = "10ms", loss: tp.Ratio = "0.5%", beta: float = 0.8):
    """A client sends `size` bytes under native/gentle.cc; after a loss `beta` of its window is
    left."""
    # build
    gentle = tp.native("native/gentle.cc", "Gentle", beta=beta)
    client = net.host("client", address="198.18.0.1/24", tcp={"congestion": gentle})
    server = net.host("server", address="198.18.0.2/24")
    net.link(client, server, name="wire", rate=rate, delay=delay, loss=loss)
    # load
    bulk = client.run(tp.Bulk(server, size))
    # run
    net.stop(when=bulk.done, at_most="60s")
