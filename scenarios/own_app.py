"""An application of one's own, in C++, on our sockets."""

import twinpath as tp


@tp.scenario
def own_app(net: tp.Net, *, count: int = 100, interval: tp.Time = "2ms", delay: tp.Time = "200us"):
    """native/pinger.cc times `count` datagrams to a server that sends them back."""
    # build
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24")
    net.link(client, server, name="wire", delay=delay)
    # load
    server.run(tp.UdpEchoServer())
    pinger = client.run(tp.native("native/pinger.cc", "Pinger", to=server, count=count,
                                  interval=interval))
    # run
    net.stop(when=pinger.done, at_most="30s")
